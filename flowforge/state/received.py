"""The newest request to a trigger, as the builder's tab shows it: inert text of bounded length."""

from dataclasses import dataclass

from flowforge.services import workbench
from flowforge.state.shown import shown

LONGEST_BODY = 4000


@dataclass(frozen=True)
class Received:
    """The newest request as the trigger's panel shows it; ``id`` is empty for none."""

    id: str = ""
    method: str = ""
    verdict: str = ""
    reason: str = ""
    at: str = ""
    body: str = ""
    size: str = ""
    run_id: str = ""


def received_of(found: workbench.Received) -> Received:
    body = shown(found.body, LONGEST_BODY)
    return Received(
        id=found.id,
        method=found.method,
        verdict=found.verdict,
        reason=found.reason,
        at=found.received_at,
        body=f"{body.text}…" if body.is_cut else body.text or "(no body)",
        size=body.size,
        run_id=found.run_id,
    )
