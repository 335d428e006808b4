"""The plans of versions, compiled once per worker process."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, get_args

import structlog

from flowforge.engine.definition import Step
from flowforge.engine.parsing import parse_definition
from flowforge.engine.plan import Plan, compile_plan
from flowforge.engine.triggers import Trigger
from flowforge.errors import FlowForgeError, Malformed
from flowforge.infra import documents
from flowforge.infra.bulk import Bulk

log = structlog.get_logger()

MOST_CACHED = 500


class NewerRelease(Exception):
    """The version holds what only a newer release knows: its runs are left to newer workers."""


class Plans:
    """Plans by zap and number of the version."""

    def __init__(self) -> None:
        self._found: OrderedDict[tuple[str, int], Plan | Exception] = OrderedDict()

    async def load(self, tx: Bulk, runs: Sequence[Any]) -> None:
        """Make ready the plans that these runs go by."""
        wanted = {(run["zap_id"], run["version"]) for run in runs}
        for name in wanted:
            if name in self._found:
                self._found.move_to_end(name)
            else:
                self._found[name] = await _read(tx, *name)
        while len(self._found) > max(MOST_CACHED, len(wanted)):
            self._found.popitem(last=False)

    def of(self, run: Any) -> Plan:
        """The plan that a run goes by.

        Raises: NewerRelease; Malformed for a version that cannot be read.
        """
        found = self._found[run["zap_id"], run["version"]]
        if isinstance(found, Exception):
            raise found.with_traceback(None)
        return found


async def _read(tx: Bulk, zap_id: str, number: int) -> Plan | Exception:
    rows = await tx.fetch(
        "SELECT definition FROM version WHERE zap_id = :zap_id AND number = :number",
        zap_id=zap_id,
        number=number,
    )
    try:
        definition = documents.parse(rows[0]["definition"])
    except (FlowForgeError, IndexError):
        log.exception("version cannot be read", zap_id=zap_id, version=number)
        return Malformed(f"version {number} of the zap is unreadable")
    try:
        return compile_plan(parse_definition(definition))
    except (FlowForgeError, KeyError, ValueError, TypeError):
        if _has_unknown_kind(definition):
            log.warning("version of a newer release", zap_id=zap_id, version=number)
            return NewerRelease(f"version {number} needs a newer release")
        log.exception("version cannot be read", zap_id=zap_id, version=number)
        return Malformed(f"version {number} of the zap is unreadable")


def _kinds(union: Any) -> frozenset[str]:
    """The values that the tag of an annotated union may have."""
    models = get_args(get_args(union)[0])
    return frozenset(get_args(model.model_fields["kind"].annotation)[0] for model in models)


_STEPS, _TRIGGERS = _kinds(Step), _kinds(Trigger)


def _has_unknown_kind(definition: Any) -> bool:
    """Whether a step or the trigger is of a kind that this release has never heard of."""
    if not isinstance(definition, dict):
        return False
    trigger = definition.get("trigger")
    kind = trigger.get("kind") if isinstance(trigger, dict) else None
    if isinstance(kind, str) and kind not in _TRIGGERS:
        return True
    waiting: list[Any] = [definition.get("steps")]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += value
        elif isinstance(value, dict):
            kind = value.get("kind")
            if isinstance(kind, str) and "id" in value and kind not in _STEPS:
                return True
            waiting += (value.get(name) for name in ("steps", "branches", "fallback"))
    return False
