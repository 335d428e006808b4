"""The checklist of the first five minutes, as the list of zaps shows it."""

from dataclasses import dataclass, field, replace

from flowforge.services import onboarding
from flowforge.services.access import Permission
from flowforge.services.onboarding import FirstSteps
from flowforge.state import doors


@dataclass(frozen=True)
class Step:
    """``key``: create, send, publish or see. ``is_next``: the first that is not done."""

    key: str = ""
    title: str = ""
    text: str = ""
    is_done: bool = False
    is_next: bool = False
    path: str = ""


@dataclass(frozen=True)
class Checklist:
    """``is_shown``: there is one. ``curl`` is empty until there is a zap that it could reach."""

    is_shown: bool = False
    is_complete: bool = False
    count: str = ""
    curl: str = ""
    steps: list[Step] = field(default_factory=list)


NONE = Checklist()


async def looked(cookies: str, found: FirstSteps | None, before: Checklist) -> Checklist:
    """What is to be shown now. Whoever watches the last tick come keeps the list for this visit;
    nobody sees one that was complete when they came.
    """
    if found is None:
        return before if before.is_complete else NONE
    if not found.is_complete:
        return checklist(found)
    async with doors.opened(cookies, Permission.READ, writes=True) as caller:
        await onboarding.end(caller.session, caller.actor)
    return checklist(found) if before.is_shown else NONE


def checklist(found: FirstSteps) -> Checklist:
    zap = f"/zaps/{found.zap_id}" if found.zap_id else ""
    steps = [
        Step("create", "Create a zap", "Begin with an empty one or a template.", found.has_zap),
        Step(
            "send",
            "Send it a request",
            "Paste this line into a terminal. The request appears in the inbox and the builder.",
            found.has_event,
            path="/inbox" if found.has_event else "",
        ),
        Step(
            "publish",
            "Add a step and publish",
            "From then on each request to its URL starts a run. The URL stays the same.",
            found.is_published,
            path=zap,
        ),
        Step(
            "see",
            "Send it again and see the run",
            "Each step with what went in, what came out, and how long it took.",
            found.run_id != "",
            path=f"/runs/{found.run_id}" if found.run_id else "",
        ),
    ]
    following = next((step.key for step in steps if not step.is_done), "")
    done = sum(step.is_done for step in steps)
    return Checklist(
        is_shown=True,
        is_complete=found.is_complete,
        count=f"{done} of {len(steps)}",
        curl=found.curl,
        steps=[replace(step, is_next=step.key == following) for step in steps],
    )
