"""What Alembic runs: on the connection that flowforge.infra.migrations gives, or on its own."""

import asyncio

from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool
from sqlmodel import SQLModel

import flowforge.models  # noqa: F401 - its tables register themselves
from alembic import context
from flowforge.config import load_settings


def migrate(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=SQLModel.metadata,
        # SQLite cannot alter most things in place; elsewhere this changes nothing.
        render_as_batch=True,
        # Alembic thinks that SQLite cannot roll DDL back; with an explicit BEGIN it can.
        transactional_ddl=True,
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()


async def migrate_alone() -> None:
    engine = create_async_engine(load_settings().effective_database_url, poolclass=NullPool)
    async with engine.begin() as connection:
        await connection.run_sync(migrate)
    await engine.dispose()


given: Connection | None = context.config.attributes.get("connection")
if given is not None:
    migrate(given)
else:
    asyncio.run(migrate_alone())
