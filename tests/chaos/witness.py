"""Witnesses beside the product: a trigger that notes every status of every run, copies of runs that
must not change, and a search of logs and rows for what must be in neither.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from sqlalchemy import select, text
from sqlmodel import col

from flowforge.models import Attempt, Run
from tests.house import House
from tests.zapping import ENDED

# What may follow what. A person's retry opens an ended run again, and is counted.
ALLOWED = {
    None: {"queued"},
    "queued": {"queued", "running", "waiting", *ENDED},
    "running": {"running", "waiting", *ENDED},
    "waiting": {"running", "waiting", "queued", *ENDED},
}
_TABLE = "witness (id {number} PRIMARY KEY, run_id text, before text, after text, more_retries int)"
_COLUMNS = "INSERT INTO witness (run_id, before, after, more_retries) VALUES"
_POSTGRES = (
    f"CREATE TABLE {_TABLE.format(number='bigserial')}",
    f"""CREATE FUNCTION witness() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
        IF TG_OP = 'INSERT' THEN {_COLUMNS} (NEW.id, NULL, NEW.status, 0);
        ELSE {_COLUMNS} (NEW.id, OLD.status, NEW.status, NEW.retries - OLD.retries);
        END IF; RETURN NULL; END $$""",
    """CREATE TRIGGER witness AFTER INSERT OR UPDATE OF status ON run
        FOR EACH ROW EXECUTE FUNCTION witness()""",
)
_SQLITE = (
    f"CREATE TABLE {_TABLE.format(number='integer')}",
    f"""CREATE TRIGGER witness_new AFTER INSERT ON run BEGIN
        {_COLUMNS} (NEW.id, NULL, NEW.status, 0); END""",
    f"""CREATE TRIGGER witness_change AFTER UPDATE OF status ON run BEGIN
        {_COLUMNS} (NEW.id, OLD.status, NEW.status, NEW.retries - OLD.retries); END""",
)


async def watch(house: House) -> None:
    """From now on every write of a run's status is noted, by the database itself."""
    async with house.db.transaction() as session:
        for statement in _SQLITE if house.db.is_sqlite else _POSTGRES:
            await session.execute(text(statement))


async def forget(house: House) -> None:
    """Leave a database that others use as it was."""
    async with house.db.transaction() as session:
        if house.db.is_sqlite:
            await session.execute(text("DROP TRIGGER witness_new"))
            await session.execute(text("DROP TRIGGER witness_change"))
        else:
            await session.execute(text("DROP FUNCTION witness CASCADE"))
        await session.execute(text("DROP TABLE witness"))


async def transitions(house: House, since: str = "") -> Iterator[str]:
    """I4: an end is written once, and no status follows that may not."""
    async with house.db.reading() as session:
        found = await session.execute(
            text(
                "SELECT run_id, before, after, more_retries FROM witness "
                "WHERE run_id >= :since ORDER BY id"
            ),
            {"since": since},
        )
        rows = found.all()
    return (
        f"I4: run {row.run_id} went from {row.before} to {row.after}"
        for row in rows
        if not _is_allowed(row.before, row.after, row.more_retries)
    )


def _is_allowed(before: str | None, after: str, more_retries: int) -> bool:
    if before in ENDED:
        return after == "queued" and more_retries == 1
    return after in ALLOWED[before]


async def digest(house: House, run_id: str) -> str:
    """Of a run and its attempts, every column of both."""
    async with house.db.reading() as session:
        run = (await session.scalars(select(Run).where(col(Run.id) == run_id))).one()
        query = select(Attempt).where(col(Attempt.run_id) == run_id).order_by(col(Attempt.id))
        attempts = (await session.scalars(query)).all()
        told = repr([run.model_dump(), *(attempt.model_dump() for attempt in attempts)])
    return hashlib.sha256(told.encode()).hexdigest()


async def unchanged(house: House, before: Mapping[str, str]) -> list[str]:
    """I8: runs that were replayed are what they were."""
    return [
        f"I8: run {run_id} is not what it was before it was replayed"
        for run_id, was in before.items()
        if await digest(house, run_id) != was
    ]


async def leaks(house: House, logs: Iterable[Path], secrets: Mapping[str, str]) -> list[str]:
    """I9: no planted secret in a log, nor in what is shown of an attempt."""
    found = [
        f"I9: {name} stands in {log.name}"
        for log in logs
        for name, value in secrets.items()
        if value.encode() in log.read_bytes()
    ]
    async with house.db.reading() as session:
        for name, value in secrets.items():
            for column in ("input", "output", "error", "logs"):
                query = text(f"SELECT count(*) FROM attempt WHERE {column} LIKE :some")
                number = await session.scalar(query, {"some": f"%{value}%"})
                if number:
                    found.append(f"I9: {name} stands in the {column} of {number} attempts")
    return found
