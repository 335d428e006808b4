"""``/draft``, ``/draft/sync`` and ``/test`` of a hook: the draft tried with a real request."""

from flowforge.api import hook_answers, hook_requests
from flowforge.api.hook_answers import Answer
from flowforge.api.hook_checks import Examiner, Pass
from flowforge.api.hook_requests import HookRequest
from flowforge.api.patience import Patience
from flowforge.infra.runtime import Runtime
from flowforge.services import draft_arrivals
from flowforge.services.arrivals import Arrival
from flowforge.services.draft_arrivals import Tried
from flowforge.services.ingest import Receipt

MOST_LOOKS = 4
_TEST = "test"


async def answer(
    runtime: Runtime, examiner: Examiner, request: HookRequest, patience: Patience
) -> Answer | Receipt:
    """The answer, or the receipt of the run whose reply is waited for.

    The draft's own trigger says what the request must prove, whatever is live.
    """
    taken: Arrival | None = None
    for look in range(MOST_LOOKS):
        async with runtime.db.reading() as session:
            standing = await draft_arrivals.standing(session, request.target.hook_id)
        if standing is None:
            return hook_answers.not_found()
        checks = examiner.checks_of(standing)
        refusal = await examiner.before_body(checks, request, is_first=look == 0)
        if refusal is None and taken is None:
            taken = await hook_requests.take(request, patience, runtime.settings.hook_body_limit)
            if taken is None:
                return hook_answers.incomplete()
        passed = await examiner.examine(checks, request, taken or request.arrival(None), refusal)
        answered = await _try(runtime, request, passed)
        if answered is not None:
            return answered
    return hook_answers.unavailable()


async def _try(runtime: Runtime, request: HookRequest, passed: Pass) -> Answer | Receipt | None:
    """None: the draft's trigger is another by now, and nothing was stored."""
    arrival, refusal = passed
    if refusal is not None and refusal.is_noted:
        return hook_answers.refused(refusal, Receipt("rejected"))
    tried = await _store(runtime, request, arrival)
    if tried.receipt.verdict == "changed":
        return None
    if refusal is not None:
        return hook_answers.refused(refusal, tried.receipt)
    if arrival.refusal is not None:
        return hook_answers.unreadable(arrival, tried.receipt)
    return _answered(request, tried)


async def _store(runtime: Runtime, request: HookRequest, arrival: Arrival) -> Tried:
    runs = request.target.mode != _TEST
    async with runtime.db.transaction() as session:
        tried = await draft_arrivals.store(session, runtime.signals, arrival, runs=runs)
    verdict = tried.receipt.verdict
    is_kept = verdict in {"accepted", "held", "filtered"} or (
        verdict == "rejected" and not arrival.files
    )
    if arrival.blob_keys and not is_kept:
        await runtime.blobs.delete(arrival.blob_keys)
    return tried


def _answered(request: HookRequest, tried: Tried) -> Answer | Receipt:
    receipt = tried.receipt
    if tried.problems:
        return hook_answers.error(
            422, "draft_incomplete", receipt.reason or "", details=tried.problems
        )
    if request.target.mode == _TEST and receipt.verdict == "held":
        return Answer(hook_requests.ACCEPTED, {"event_id": receipt.event_id})
    if request.target.waits and receipt.run_id:
        return receipt
    return hook_answers.received(receipt, {}, is_seed=False)
