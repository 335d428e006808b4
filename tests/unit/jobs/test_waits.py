"""How long a run waits before its next attempt."""

from flowforge.services.holding import jittered


def test_a_wait_is_between_half_of_the_policy_and_all_of_it() -> None:
    waits = [jittered(8.0) for _ in range(500)]
    assert min(waits) >= 4.0
    assert max(waits) <= 8.0
    assert max(waits) - min(waits) > 2.0


def test_what_need_not_wait_does_not() -> None:
    assert jittered(0.0) == 0.0
