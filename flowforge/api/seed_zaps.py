"""Routes of ``/api/v1/zap``, ``/trigger`` and ``/action``: zaps with the shapes and statuses of the
first FlowForge, whose clients expect ``{"message": …}`` and 411 for bad input.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Body
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.responses import JSONResponse

from flowforge.api import doors
from flowforge.errors import Invalid, NotFound, TooLarge
from flowforge.services import seed_runs, seed_zaps, zaps
from flowforge.services.access import Actor, Permission

BAD_INPUT = 411

router = APIRouter(prefix="/api/v1", tags=["first FlowForge"])

Reader = Annotated[Actor, doors.permitted(Permission.READ)]
Editor = Annotated[Actor, doors.permitted(Permission.EDIT)]
Given = Annotated[Any, Body()]


class _SeedAction(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True)

    available_action_id: str = Field(alias="availableActionId")
    action_metadata: dict[str, Any] | None = Field(default=None, alias="actionMetadata")


class _SeedZap(BaseModel):
    """Unknown keys are passed over, as there."""

    model_config = ConfigDict(hide_input_in_errors=True)

    available_trigger_id: str = Field(alias="availableTriggerId")
    trigger_metadata: Any = Field(default=None, alias="triggerMetadata")
    actions: list[_SeedAction]

    def arguments(self) -> dict[str, Any]:
        return {
            "trigger_id": self.available_trigger_id,
            "trigger_metadata": self.trigger_metadata,
            "actions": [
                (one.available_action_id, one.action_metadata or {}) for one in self.actions
            ],
        }


@router.post("/zap")
async def create(actor: Editor, session: doors.Transaction, given: Given = None) -> JSONResponse:
    """Live at once: this API knows no drafts."""
    try:
        wanted = _SeedZap.model_validate(given)
        zap_id = await seed_zaps.create(session, actor, **wanted.arguments())
    except (ValidationError, Invalid, TooLarge) as problem:
        return _incorrect(problem)
    return JSONResponse({"zapId": zap_id})


@router.get("/zap")
async def list_zaps(actor: Reader, session: doors.Reading) -> JSONResponse:
    return JSONResponse({"zaps": await seed_zaps.list_zaps(session, actor)})


@router.get("/zap/{zap_id}")
async def get(actor: Reader, session: doors.Reading, zap_id: str) -> JSONResponse:
    try:
        return JSONResponse({"zap": await seed_zaps.get(session, actor, zap_id)})
    except NotFound:
        return _not_found()


@router.put("/zap/{zap_id}")
async def replace(
    actor: Editor, session: doors.Transaction, zap_id: str, given: Given = None
) -> JSONResponse:
    """The new definition is live at once; runs that began keep theirs."""
    try:
        wanted = _SeedZap.model_validate(given)
        await seed_zaps.replace(session, actor, zap_id, **wanted.arguments())
    except (ValidationError, Invalid, TooLarge) as problem:
        return _incorrect(problem)
    except NotFound:
        return _not_found()
    return JSONResponse({"zapId": zap_id})


@router.delete("/zap/{zap_id}")
async def delete(actor: Editor, session: doors.Transaction, zap_id: str) -> JSONResponse:
    try:
        await zaps.delete(session, actor, zap_id)
    except NotFound:
        return _not_found()
    return JSONResponse({"message": "Zap deleted"})


@router.get("/zap/{zap_id}/runs")
async def list_runs(actor: Reader, session: doors.Reading, zap_id: str) -> JSONResponse:
    try:
        return JSONResponse({"runs": await seed_runs.of_zap(session, actor, zap_id)})
    except NotFound:
        return _not_found()


@router.get("/trigger/available", dependencies=[doors.public()])
async def available_triggers() -> JSONResponse:
    return JSONResponse({"availableTriggers": seed_zaps.available_triggers()})


@router.get("/action/available", dependencies=[doors.public()])
async def available_actions() -> JSONResponse:
    return JSONResponse({"availableActions": seed_zaps.available_actions()})


def _incorrect(problem: Exception) -> JSONResponse:
    details = problem.details if isinstance(problem, Invalid) else None
    answer: dict[str, Any] = {"message": "Incorrect inputs"}
    return JSONResponse(answer | ({"details": details} if details else {}), BAD_INPUT)


def _not_found() -> JSONResponse:
    return JSONResponse({"message": "Zap not found"}, status_code=404)
