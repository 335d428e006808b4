"""Who may: the actor, the permissions of roles, and the one way to fetch a tenant's row."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol, TypeVar

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from flowforge.errors import Forbidden, NotFound


class Role(StrEnum):
    ADMIN = "admin"
    EDITOR = "editor"
    OPERATOR = "operator"
    VIEWER = "viewer"


class Permission(StrEnum):
    READ = "read"
    OPERATE = "operate"  # switch, publish, run, retry
    EDIT = "edit"  # change zaps
    MANAGE = "manage"  # members and settings


_GRANTS: dict[Role, frozenset[Permission]] = {
    Role.VIEWER: frozenset({Permission.READ}),
    Role.OPERATOR: frozenset({Permission.READ, Permission.OPERATE}),
    Role.EDITOR: frozenset({Permission.READ, Permission.OPERATE, Permission.EDIT}),
    Role.ADMIN: frozenset(Permission),
}


@dataclass(frozen=True)
class Actor:
    """Who asks: a signed-in user, acting in one project with one role."""

    user_id: int
    project_id: str
    role: Role
    session_id: str | None = None


class _TenantRow(Protocol):
    id: Any
    project_id: Any


Row = TypeVar("Row", bound=_TenantRow)


def require(actor: Actor, permission: Permission) -> None:
    """Raises: Forbidden unless the actor's role grants ``permission``."""
    if permission not in _GRANTS[actor.role]:
        raise Forbidden(
            f"Your role ({actor.role}) may not do this. Ask an admin of the project.",
            code="role_not_allowed",
        )


def roles_that_may(permission: Permission) -> frozenset[Role]:
    return frozenset(role for role, granted in _GRANTS.items() if permission in granted)


async def own(session: AsyncSession, actor: Actor, model: type[Row], row_id: str) -> Row:
    """The actor's row of that id.

    Raises: NotFound for an unknown id and for somebody else's alike.
    """
    row = await session.scalar(
        select(model).where(model.id == row_id, model.project_id == actor.project_id)
    )
    if row is None or getattr(row, "deleted_at", None) is not None:
        raise NotFound(f"{model.__name__} not found")
    return row
