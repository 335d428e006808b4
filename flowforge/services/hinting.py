"""Hints on a zap's draft: what the linter says, given the data that the zap has seen; and which of
them somebody has put away.
"""

import asyncio
import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from flowforge.errors import Invalid
from flowforge.infra import documents
from flowforge.models import Version, Zap
from flowforge.services import cards, drafts, lint, lint_references, samples, zaps
from flowforge.services.access import Actor, Permission, own, require
from flowforge.services.lint import Facts, Hint
from flowforge.services.lint_references import Shape

MOST_PUT_AWAY = 500
_LONGEST_KEY = 500
_MOST_NAMED = 1000  # databases limit how many values one statement may carry
# A draft is looked at with each pause in typing; what its zap has seen changes less often.
_REMEMBERED_SECONDS = 10.0
_MOST_REMEMBERED = 200

_seen: dict[str, tuple[float, Mapping[str, Shape]]] = {}
# Of a zap what was asked last: a page asks again with each card that is chosen.
_told: dict[str, tuple[str, Facts, list[Hint]]] = {}


@dataclass(frozen=True)
class Hinted:
    """``is_put_away``: somebody has read it and wants to hear no more of it."""

    key: str
    path: str
    message: str
    is_soft: bool
    is_put_away: bool


@dataclass(frozen=True)
class HintLine:
    """A hint in the builder: ``card`` to open and ``field`` of its form."""

    key: str
    card: str
    field: str
    where: str
    message: str
    is_soft: bool
    is_put_away: bool


def lines(definition: Mapping[str, Any], found: Sequence[Hinted]) -> list[HintLine]:
    places = cards.located(
        definition, [{"path": one.path, "message": one.message} for one in found]
    )
    return [
        HintLine(one.key, at.card, at.field, at.where, one.message, one.is_soft, one.is_put_away)
        for one, at in zip(found, places, strict=True)
    ]


async def hints(
    session: AsyncSession, actor: Actor, zap_id: str, definition: Mapping[str, Any]
) -> list[Hinted]:
    """Of ``definition``, the zap's draft."""
    require(actor, Permission.READ)
    zap = await own(session, actor, Zap, zap_id)
    off = set(zap.hints_off or ())
    return [
        Hinted(hint.key, hint.path, hint.message, hint.is_soft, hint.key in off)
        for hint in await _found(session, actor, zap_id, definition)
    ]


async def unread(
    session: AsyncSession, actor: Actor, zap_id: str, definition: Mapping[str, Any]
) -> list[Hinted]:
    """Those that nobody has put away, and that the live version did not have already: whoever
    published it has seen them.
    """
    found = [each for each in await hints(session, actor, zap_id, definition) if _is_open(each)]
    if not found:
        return []
    live = await session.scalar(
        select(col(Version.definition))
        .join(Zap, (col(Zap.id) == zap_id) & (col(Version.number) == col(Zap.live_version)))
        .where(col(Version.zap_id) == zap_id)
    )
    if live is None:
        return found
    known = {hint.key for hint in await _found(session, actor, zap_id, live)}
    return [each for each in found if each.key not in known]


async def put_away(session: AsyncSession, actor: Actor, zap_id: str, keys: list[str]) -> None:
    """From now on these are put away, and no others. Raises: Invalid for too many."""
    require(actor, Permission.EDIT)
    zap = await zaps.locked(session, actor, zap_id)
    if len(keys) > MOST_PUT_AWAY or any(len(key) > _LONGEST_KEY for key in keys):
        raise Invalid(
            f"At most {MOST_PUT_AWAY} hints can be put away, each by its key.",
            details=[{"path": "put_away", "message": "too many or too long"}],
        )
    zap.hints_off = sorted(set(keys)) or None
    session.add(zap)
    await session.flush()


async def toggle(session: AsyncSession, actor: Actor, zap_id: str, key: str) -> None:
    """Put one away, or take it out again."""
    zap = await own(session, actor, Zap, zap_id)
    off = set(zap.hints_off or ())
    # What the draft does not say any more need not be remembered.
    current = {each.key for each in await _found(session, actor, zap_id, zap.draft)}
    await put_away(session, actor, zap_id, sorted((off ^ {key}) & (current | off)))


def _is_open(hint: Hinted) -> bool:
    return not hint.is_put_away and not hint.is_soft


async def _found(
    session: AsyncSession, actor: Actor, zap_id: str, definition: Mapping[str, Any]
) -> list[Hint]:
    facts = Facts(
        zap_id,
        await _shapes(session, actor, zap_id),
        await _zaps_off(session, actor, definition),
    )
    mark = hashlib.blake2b(documents.dump(definition).encode()).hexdigest()
    known = _told.get(zap_id)
    if known is not None and known[:2] == (mark, facts):
        return known[2]
    found = await asyncio.to_thread(lint.hints, definition, facts)
    while len(_told) >= _MOST_REMEMBERED:
        del _told[next(iter(_told))]
    _told[zap_id] = (mark, facts, found)
    return found


async def _shapes(session: AsyncSession, actor: Actor, zap_id: str) -> Mapping[str, Shape]:
    until, known = _seen.get(zap_id, (0.0, {}))
    if until > time.monotonic():
        return known
    found = await samples.samples(session, actor, zap_id)
    shapes = {name: lint_references.shape_of(value) for name, value in found["steps"].items()}
    if found["trigger"] is not None:
        shapes["trigger"] = lint_references.shape_of(found["trigger"])
    while len(_seen) >= _MOST_REMEMBERED:
        del _seen[next(iter(_seen))]
    _seen[zap_id] = (time.monotonic() + _REMEMBERED_SECONDS, shapes)
    return shapes


async def _zaps_off(
    session: AsyncSession, actor: Actor, definition: Mapping[str, Any]
) -> frozenset[str]:
    named = {
        str(step["zap_id"])
        for step in drafts.all_steps(definition)
        if step["kind"] == "zap" and step.get("zap_id")
    }
    if not named:
        return frozenset()
    off = await session.scalars(
        select(col(Zap.id)).where(
            col(Zap.project_id) == actor.project_id,
            col(Zap.id).in_(sorted(named)[:_MOST_NAMED]),
            col(Zap.deleted_at).is_(None),
            col(Zap.enabled).is_(False),
        )
    )
    return frozenset(off)
