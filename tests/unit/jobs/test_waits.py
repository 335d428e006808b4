"""How long a run waits before its next attempt."""

import pytest

from flowforge.engine.protocol import ErrorInfo, Failed, Perform, Succeeded
from flowforge.jobs.outbox import _jittered

ERROR = ErrorInfo("temporary", "busy")


def test_a_wait_is_between_half_of_the_policy_and_all_of_it() -> None:
    perform = Perform("one", "one", 2, 8.0)
    waits = [_jittered(perform, Failed("one", ERROR, retryable=True)) for _ in range(500)]
    assert min(waits) >= 4.0
    assert max(waits) <= 8.0
    assert max(waits) - min(waits) > 2.0


@pytest.mark.parametrize("asked", [9.0, 100.0])
def test_it_is_never_sooner_than_the_provider_asked(asked: float) -> None:
    failed = Failed("one", ERROR, retryable=True, retry_after=asked)
    assert _jittered(Perform("one", "one", 2, 8.0), failed) == asked


def test_the_next_step_waits_for_nothing() -> None:
    assert _jittered(Perform("two", "two"), Succeeded("one", {})) == 0.0
