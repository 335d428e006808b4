"""What stands around a failed step has failed with it. Pure.

On record a loop or parallel block that ended early was given up, and a router has long decided: that
is what a retry goes on from. A person asks what went wrong, and inside of what.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from flowforge.engine.protocol import DROPPED
from flowforge.services import drafts
from flowforge.services.attempts import AttemptView

_BAD = frozenset({"failed", "unknown"})
_BLOCKS = frozenset({"loop", "router", "parallel"})
CODE = "step_failed"

Step = Mapping[str, Any]


def told(definition: Mapping[str, Any], made: Sequence[AttemptView]) -> list[AttemptView]:
    """``made``, a run's attempts, with the last one of each block around a failed step as failed."""
    around = _blocks(definition)
    last = {attempt.path: attempt for attempt in made}
    failed: dict[str, AttemptView] = {}
    for attempt in last.values():
        if _is_final_failure(attempt, around):
            for path in _with_it(attempt.path, around, last):
                failed.setdefault(path, attempt)
    if not failed:
        return list(made)
    return [
        _blamed(attempt, failed[attempt.path])
        if attempt.path in failed and attempt is last[attempt.path]
        else attempt
        for attempt in made
    ]


def _is_final_failure(attempt: AttemptView, around: Mapping[str, tuple[Step, ...]]) -> bool:
    if attempt.status not in _BAD or attempt.retry_at is not None:
        return False
    way = around.get(attempt.path.rpartition("/")[2])
    return way is not None and way[-1].get("on_error") != "continue"


def _with_it(
    path: str, around: Mapping[str, tuple[Step, ...]], last: Mapping[str, AttemptView]
) -> Iterator[str]:
    """The blocks that the failure at ``path`` ended, innermost first."""
    rounds = path.split("/")[:-1]
    for block in reversed(around[path.rpartition("/")[2]][:-1]):
        if block["kind"] == "loop":
            rounds = rounds[:-1]
        at = "/".join([*rounds, block["id"]])
        found = last.get(at)
        if found is None or found.status == "running":
            return
        if block["kind"] != "router" and not _was_given_up(found):
            return  # it went on without that round
        yield at


def _was_given_up(attempt: AttemptView) -> bool:
    return attempt.status == "skipped" and (attempt.error or {}).get("code") == DROPPED


def _blamed(attempt: AttemptView, failed: AttemptView) -> AttemptView:
    said = {"code": CODE, "message": f"“{failed.name}”, a step in it, failed."}
    return attempt.model_copy(update={"status": "failed", "error": said})


def _blocks(definition: Mapping[str, Any]) -> dict[str, tuple[Step, ...]]:
    """By id of a step: the blocks around it, outermost first, and itself."""
    found: dict[str, tuple[Step, ...]] = {}
    waiting: list[tuple[Step, tuple[Step, ...]]] = [
        (step, ()) for step in definition.get("steps") or ()
    ]
    while waiting:
        step, around = waiting.pop()
        found[step["id"]] = (*around, step)
        if step["kind"] in _BLOCKS:
            for body in drafts.bodies(step):
                waiting += [(inner, found[step["id"]]) for inner in body.steps]
    return found
