"""Triggers: clocks and their ledger, registrations, app sources, notices and who is told them."""

import sqlalchemy as sa

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_ID = sa.String(length=36).with_variant(sa.String(length=36, collation="C"), "postgresql")
_OF_STRANGERS = "verdict = 'rejected' OR substr(reason, 1, 9) = 'handshake'"
_MOMENT = sa.DateTime(timezone=True)
_TABLES = ("delivery", "destination", "notice", "app_source", "registration", "slot", "timer")


def _counter(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False, server_default="0")


def _columns() -> dict[str, tuple[sa.Column[object], ...]]:
    """All may be missing: processes of the release before go on."""
    return {
        "zap": (sa.Column("trigger", sa.Text()), sa.Column("trigger_key", sa.String())),
        "event": (
            sa.Column("scheme", sa.String()),
            sa.Column("status_code", sa.Integer()),
            sa.Column("took_ms", sa.Integer()),
        ),
    }


def _index(name: str, table: str, columns: list[str], condition: str | None = None) -> None:
    where = sa.text(condition) if condition else None
    op.create_index(name, table, columns, postgresql_where=where, sqlite_where=where)


def upgrade() -> None:
    for table, columns in _columns().items():
        for column in columns:
            op.add_column(table, column)
    _index("ix_zap_trigger_key", "zap", ["project_id", "trigger_key"], "trigger_key IS NOT NULL")
    _index("ix_event_project_id_id", "event", ["project_id", "id"])
    _index("ix_event_rejected", "event", ["zap_id", "id"], _OF_STRANGERS)
    op.create_table(
        "timer",
        sa.Column("id", _ID, nullable=False),
        sa.Column("zap_id", _ID, nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("project_id", _ID, nullable=False),
        sa.Column("settings", sa.Text(), nullable=False),
        sa.Column("due_at", _MOMENT),
        sa.Column("lease_until", _MOMENT),
        _counter("fence"),
        sa.Column("cursor", sa.Text()),
        _counter("failures"),
        sa.Column("error", sa.String()),
        sa.Column("last_at", _MOMENT),
        sa.Column("armed_at", _MOMENT),
        sa.Column("alarm_after_seconds", sa.Integer()),
        sa.Column("alarmed_at", _MOMENT),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("updated_at", _MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["zap_id"], ["zap.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("uq_timer_kind", "timer", ["zap_id", "kind"], unique=True)
    _index("ix_timer_due_at", "timer", ["due_at"], "due_at IS NOT NULL")
    op.create_table(
        "slot",
        sa.Column("id", _ID, nullable=False),
        sa.Column("project_id", _ID, nullable=False),
        sa.Column("zap_id", _ID, nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("planned_at", _MOMENT, nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("reason", sa.String()),
        _counter("found"),
        sa.Column("run_id", _ID),
        sa.Column("fired_at", _MOMENT),
        sa.Column("took_ms", sa.Integer()),
        sa.ForeignKeyConstraint(["zap_id"], ["zap.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("uq_slot_planned_at", "slot", ["zap_id", "kind", "planned_at"], unique=True)
    _index("ix_slot_zap_id_id", "slot", ["zap_id", "id"])
    op.create_table(
        "registration",
        sa.Column("zap_id", _ID, nullable=False),
        sa.Column("project_id", _ID, nullable=False),
        sa.Column("app", sa.String(), nullable=False),
        sa.Column("wanted", sa.Text()),
        sa.Column("known", sa.Text()),
        sa.Column("external_id", sa.String()),
        sa.Column("sealed_token", sa.String()),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("error", sa.String()),
        _counter("failures"),
        _counter("revision"),
        sa.Column("due_at", _MOMENT),
        sa.Column("lease_until", _MOMENT),
        _counter("fence"),
        sa.Column("renewed_at", _MOMENT),
        sa.Column("alarmed_at", _MOMENT),
        sa.Column("updated_at", _MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["zap_id"], ["zap.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("zap_id"),
    )
    _index("ix_registration_due_at", "registration", ["due_at"], "due_at IS NOT NULL")
    op.create_table(
        "app_source",
        sa.Column("id", _ID, nullable=False),
        sa.Column("project_id", _ID, nullable=False),
        sa.Column("app", sa.String(length=60), nullable=False),
        sa.Column("verify", sa.Text()),
        _counter("unrouted"),
        _counter("rejected"),
        sa.Column("last_note", sa.String()),
        sa.Column("last_at", _MOMENT),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("updated_at", _MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("project_id", "app"),
    )
    _index("ix_app_source_project_id", "app_source", ["project_id"])
    op.create_table(
        "notice",
        sa.Column("id", _ID, nullable=False),
        sa.Column("project_id", _ID, nullable=False),
        sa.Column("kind", sa.String(length=60), nullable=False),
        sa.Column("zap_id", _ID),
        sa.Column("run_id", _ID),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    _index("ix_notice_project_id", "notice", ["project_id"])
    op.create_table(
        "destination",
        sa.Column("id", _ID, nullable=False),
        sa.Column("project_id", _ID, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("kinds", sa.Text(), nullable=False),
        sa.Column("sealed_secret", sa.String(), nullable=False),
        sa.Column("sealed_headers", sa.String()),
        sa.Column("header_names", sa.Text()),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("disabled_reason", sa.String()),
        sa.Column("failing_since", _MOMENT),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("updated_at", _MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    _index("ix_destination_project_id", "destination", ["project_id"])
    op.create_table(
        "delivery",
        sa.Column("id", _ID, nullable=False),
        sa.Column("project_id", _ID, nullable=False),
        sa.Column("destination_id", _ID, nullable=False),
        sa.Column("notice_id", _ID, nullable=False),
        sa.Column("kind", sa.String(length=60), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        _counter("attempts"),
        sa.Column("status_code", sa.Integer()),
        sa.Column("error", sa.String()),
        sa.Column("due_at", _MOMENT),
        sa.Column("lease_until", _MOMENT),
        _counter("fence"),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("finished_at", _MOMENT),
        sa.ForeignKeyConstraint(["destination_id"], ["destination.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    _index("ix_delivery_destination_id_id", "delivery", ["destination_id", "id"])
    _index("ix_delivery_due_at", "delivery", ["due_at"], "due_at IS NOT NULL")


def downgrade() -> None:
    for table in _TABLES:
        op.drop_table(table)
    op.drop_index("ix_event_rejected", "event")
    op.drop_index("ix_event_project_id_id", "event")
    op.drop_index("ix_zap_trigger_key", "zap")
    for table, columns in _columns().items():
        for column in columns:
            op.drop_column(table, column.name)
