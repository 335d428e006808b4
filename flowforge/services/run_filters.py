"""Which runs are meant: one filter for lists, counts and batches, so that all three agree.

Promise: what a list or a count reads is bounded, whatever the filter and however many runs there
are. A status has its own range of an index, so a list of several is merged from their newest; a
time is a range of ids; what must be read from documents is sought among the newest so many only.
"""

import datetime as dt
import uuid
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import (
    Select,
    Text,
    exists,
    false,
    func,
    literal_column,
    or_,
    select,
    text,
    type_coerce,
    union,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlmodel import col

from flowforge.errors import NotFound
from flowforge.models import Attempt, Event, Run, Zap
from flowforge.services import event_filters, figures, search
from flowforge.services.access import Actor, Permission, require

Environment = Literal["production", "test", "all"]
MOST_IDS = 1000
MOST_NAMED = 500
# So many runs are looked at for one page: bodies cost more to read than attempts do.
WORDS_WINDOW = 1000
STEP_WINDOW = 5000
KEY = "key:"
LARGEST_SEARCHED = 16 * 1024
_WENT_WRONG = ("failed", "timed_out")
_WITH_ERROR = (*_WENT_WRONG, "cancelled")
# An id is made just before or after its row's time is read.
_SLACK = dt.timedelta(minutes=10)


class RunFilter(BaseModel):
    """``status`` may name several, separated by commas; ``since <= created_at < until``.

    ``q`` is the whole id of a run or of its event; or ``key:`` and the whole dedupe key of its event;
    or else a part of the run's id, of its error's message, of its event (id, key, body up to 64 kB)
    or of a step's output (up to 16 kB). ``failed_step`` is the id of a step that it failed at,
    ``error_code`` the whole code of its error. Tests of drafts are left out, unless ``environment``
    says otherwise.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    zap_id: Annotated[str | None, Field(max_length=100)] = None
    status: Annotated[str | None, Field(max_length=200)] = None
    since: dt.datetime | None = None
    until: dt.datetime | None = None
    q: Annotated[str | None, Field(max_length=search.LONGEST)] = None
    ids: Annotated[
        list[Annotated[str, Field(max_length=100)]] | None, Field(max_length=MOST_IDS)
    ] = None
    failed_step: Annotated[str | None, Field(max_length=100)] = None
    error_code: Annotated[str | None, Field(max_length=100)] = None
    environment: Environment = "production"

    @property
    def says_nothing(self) -> bool:
        """Whether all runs are meant."""
        return not self.model_dump(exclude={"environment"}, exclude_none=True)

    @property
    def statuses(self) -> tuple[str, ...]:
        """Those that a run which is meant can have.

        Raises: Invalid for a status that is none.
        """
        named = search.words(self.status, figures.STATUSES, "status") if self.status else None
        able = figures.STATUSES if named is None else tuple(dict.fromkeys(named))
        if self.failed_step:
            able = tuple(each for each in able if each in _WENT_WRONG)
        if self.error_code:
            able = tuple(each for each in able if each in _WITH_ERROR)
        return able

    @property
    def window(self) -> int | None:
        """How many runs one page looks at; None where an index finds what is meant."""
        if self.q and not _is_exact(self.q):
            return WORDS_WINDOW
        return STEP_WINDOW if self.failed_step or self.error_code else None


def conditions(project_id: str, wanted: RunFilter) -> list[Any]:
    """What holds of the rows of ``Run`` that are meant.

    Raises: Invalid for a status that is none.
    """
    found = [*_indexed(project_id, wanted), *_read(project_id, wanted)]
    if wanted.environment != "all":
        found.append(col(Run.environment) == wanted.environment)
    if wanted.statuses != figures.STATUSES:
        found.append(col(Run.status).in_(wanted.statuses))
    return found


def newest(
    project_id: str,
    wanted: RunFilter,
    *,
    limit: int,
    below: str | None = None,
    floor: str | None = None,
) -> Select[Any]:
    """Ids among which are the ``limit`` newest that are meant, below one id and not below another."""
    more = [] if below is None else [col(Run.id) < below]
    more += [] if floor is None else [col(Run.id) >= floor]
    among = [*_indexed(project_id, wanted), *_read(project_id, wanted), *more]
    return select(_merged(wanted, among, limit).c.id)


async def plan_afresh(session: AsyncSession) -> None:
    """Have PostgreSQL plan the statements of this transaction for the values they are given.

    It plans a statement that comes often once for all values, and then takes any range of ids for
    a short one: a month of runs would be read through for each status.
    """
    if session.get_bind().dialect.name == "postgresql":
        await session.execute(text("SET LOCAL plan_cache_mode = force_custom_plan"))


async def floor_of(
    session: AsyncSession, project_id: str, wanted: RunFilter, *, below: str | None = None
) -> str | None:
    """The id at which the look of one page ends; None where it comes to the oldest run."""
    window = wanted.window
    if window is None:
        return None
    among = _indexed(project_id, wanted)
    if below is not None:
        among.append(col(Run.id) < below)
    merged = _merged(wanted, among, window).c.id
    found: str | None = await session.scalar(
        select(merged).order_by(merged.desc()).offset(window - 1).limit(1)
    )
    return found


def counted(project_id: str, wanted: RunFilter, *, most: int, floor: str | None) -> Any:
    """A query of status and number for each status that is meant, none counted beyond ``most``."""
    among = [*_indexed(project_id, wanted), *_read(project_id, wanted)]
    if floor is not None:
        among.append(col(Run.id) >= floor)
    parts = [
        select(col(Run.status)).where(*among, *each).limit(most).subquery()
        for each in _statuses(wanted)
    ]
    return union_all(
        *(select(part.c.status, func.count()).group_by(part.c.status) for part in parts)
    )


def _merged(wanted: RunFilter, among: list[Any], limit: int) -> Any:
    """The ids of the newest ``limit`` of each range."""
    parts = [
        select(
            select(col(Run.id))
            .where(*among, *each)
            .order_by(col(Run.id).desc())
            .limit(limit)
            .subquery()
        )
        for each in _ranges(wanted)
    ]
    return union_all(*parts).subquery()


def _ranges(wanted: RunFilter) -> list[list[Any]]:
    """One condition, or a few, for each range of an index in which runs that are meant lie in the
    order of their ids.
    """
    has_own = wanted.zap_id is not None or _is_exact(wanted.q)
    if has_own and wanted.statuses == figures.STATUSES:
        return [[col(Run.environment).in_(_environments(wanted))]]
    return _statuses(wanted)


def _statuses(wanted: RunFilter) -> list[list[Any]]:
    """The same for each status."""
    found: list[list[Any]] = [
        [col(Run.environment) == environment, col(Run.status) == status]
        for environment in _environments(wanted)
        for status in wanted.statuses
    ]
    return found or [[false()]]


def _environments(wanted: RunFilter) -> tuple[str, ...]:
    return ("production", "test") if wanted.environment == "all" else (wanted.environment,)


def _indexed(project_id: str, wanted: RunFilter) -> list[Any]:
    """What an index, or a row's own columns, answer."""
    has_ids = wanted.ids is not None or _is_exact(wanted.q)
    project: Any = col(Run.project_id)
    if has_ids or wanted.zap_id is not None:
        project = search.unindexed(project)
    found: list[Any] = [project == project_id]
    if wanted.zap_id is not None:
        zap: Any = search.unindexed(col(Run.zap_id)) if has_ids else col(Run.zap_id)
        found.append(zap == search.storable(wanted.zap_id))
    if wanted.since is not None:
        since = search.in_utc(wanted.since)
        found += [col(Run.created_at) >= since, col(Run.id) >= _id_near(since, -_SLACK)]
    if wanted.until is not None:
        until = search.in_utc(wanted.until)
        found += [col(Run.created_at) < until, col(Run.id) < _id_near(until, _SLACK)]
    if wanted.ids is not None:
        found.append(col(Run.id).in_([search.storable(each) for each in wanted.ids]))
    if wanted.q and _is_exact(wanted.q):
        found.append(col(Run.id).in_(_exactly(project_id, wanted.q)))
    return found


def _read(project_id: str, wanted: RunFilter) -> list[Any]:
    """What documents and other tables must be read for."""
    found: list[Any] = []
    if wanted.q and not _is_exact(wanted.q):
        found.append(_has_words(wanted.q))
    if wanted.failed_step:
        found.append(_failed_at(search.storable(wanted.failed_step)))
    if wanted.error_code:
        # First what a null answers: the code is taken out of a document's text.
        found.append(col(Run.error).is_not(None))
        found.append(search.code_of(Run.error) == search.storable(wanted.error_code))
    return found


def _is_exact(sought: str | None) -> bool:
    if sought is None:
        return False
    return sought.startswith(KEY) or _is_id(sought)


def _is_id(sought: str) -> bool:
    try:
        return str(uuid.UUID(sought)) == sought.lower()
    except ValueError:
        return False


def _exactly(project_id: str, sought: str) -> Any:
    """The ids of runs by an id, or by the dedupe key of what was received."""
    if not sought.startswith(KEY):
        whole = sought.lower()
        return union(
            select(col(Run.id)).where(col(Run.id) == whole),
            select(col(Run.id)).where(col(Run.event_id) == whole),
        )
    zaps = select(col(Zap.id)).where(col(Zap.project_id) == project_id)
    received = select(col(Event.id)).where(
        col(Event.zap_id).in_(zaps),
        col(Event.dedupe_key) == search.storable(sought.removeprefix(KEY).strip()),
        # As the index says it: a key is kept once among what was accepted.
        col(Event.verdict) == literal_column("'accepted'"),
        col(Event.dedupe_key).is_not(None),
    )
    return select(col(Run.id)).where(col(Run.event_id).in_(received))


def _has_words(words: str) -> Any:
    output = col(Attempt.output)
    received = select(event_filters.sought(words)).where(col(Event.id) == col(Run.event_id))
    given = select(func.count()).where(
        col(Attempt.run_id) == col(Run.id),
        func.length(type_coerce(output, Text)) <= LARGEST_SEARCHED,
        search.document_contains(output, words),
    )
    # As values, not as EXISTS: that may be answered by reading every event there is.
    return or_(
        search.contains(Run.id, words),
        search.message_contains(Run.error, words),
        received.scalar_subquery(),
        given.scalar_subquery() > 0,
    )


def _failed_at(step_id: str) -> Any:
    """It has a failed attempt of the step, and no later one of the same path."""
    later = aliased(Attempt)
    failed = select(func.count()).where(
        col(Attempt.run_id) == col(Run.id),
        col(Attempt.step_id) == step_id,
        col(Attempt.status).in_(("failed", "unknown")),
        ~exists().where(
            col(later.run_id) == col(Attempt.run_id),
            col(later.path) == col(Attempt.path),
            col(later.number) > col(Attempt.number),
        ),
    )
    return failed.scalar_subquery() > 0


def _id_near(moment: dt.datetime, slack: dt.timedelta) -> str:
    try:
        return figures.first_id_after(moment + slack)
    except OverflowError:
        return figures.first_id_after(moment)


async def require_zap(session: AsyncSession, actor: Actor, wanted: RunFilter) -> None:
    """Raises: NotFound for a zap that is not the project's; a deleted one is: history outlives it."""
    if wanted.zap_id is None:
        return
    known = await session.scalar(
        select(col(Zap.id)).where(
            col(Zap.id) == search.storable(wanted.zap_id), col(Zap.project_id) == actor.project_id
        )
    )
    if known is None:
        raise NotFound("Zap not found")


async def zap_names(
    session: AsyncSession, actor: Actor, *, most: int = MOST_NAMED
) -> list[tuple[str, str]]:
    """Id and name of the project's zaps, by name: what a filter offers."""
    require(actor, Permission.READ)
    rows = await session.execute(
        select(col(Zap.id), col(Zap.name))
        .where(col(Zap.project_id) == actor.project_id, col(Zap.deleted_at).is_(None))
        .order_by(func.lower(col(Zap.name)), col(Zap.id))
        .limit(most)
    )
    return [(zap_id, name) for zap_id, name in rows.all()]
