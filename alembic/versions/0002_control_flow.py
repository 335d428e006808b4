"""Waiting, limits, approvals, sub-zaps, large values, tests of zaps, and who works."""

import sqlalchemy as sa

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_ID = sa.String(length=36).with_variant(sa.String(length=36, collation="C"), "postgresql")
_MOMENT = sa.DateTime(timezone=True)


def _counter(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False, server_default="0")


def _columns() -> dict[str, tuple[sa.Column[object], ...]]:
    """Everything new may be missing or has a default: processes of the first release go on."""
    return {
        "project": (sa.Column("concurrency", sa.Integer()),),
        "zap": (sa.Column("limits", sa.Text()), sa.Column("paused_at", _MOMENT)),
        "run": (
            sa.Column("environment", sa.String(), nullable=False, server_default="production"),
            sa.Column("parent_run_id", _ID),
            sa.Column("parent_path", sa.String()),
            _counter("depth"),
            _counter("retries"),
            sa.Column("batch_id", _ID),
            sa.Column("inputs", sa.Text()),
            sa.Column("reply", sa.Text()),
            sa.Column("deadline_at", _MOMENT),
        ),
        "attempt": (
            sa.Column("logs", sa.String()),
            sa.Column("input_blob", sa.String()),
            sa.Column("input_size", sa.Integer()),
            sa.Column("output_blob", sa.String()),
            sa.Column("output_size", sa.Integer()),
            sa.Column("seq", sa.Integer()),
            sa.Column("wake_at", _MOMENT),
        ),
        "outbox": (
            sa.Column("project_id", _ID),
            sa.Column("zap_id", _ID),
            sa.Column("rank_at", _MOMENT),
            sa.Column("priority", sa.Integer(), nullable=False, server_default="2"),
            _counter("news"),
            _counter("crashes"),
            sa.Column("gate", sa.String()),
            sa.Column("admitted", sa.Boolean(), nullable=False, server_default=sa.false()),
            sa.Column("throttle", sa.String()),
            sa.Column("debounce", sa.String()),
            sa.Column("parked", sa.String()),
        ),
    }


_PARTIAL = (
    ("ix_run_parent_run_id", "run", ["parent_run_id"], "parent_run_id IS NOT NULL"),
    ("ix_run_batch_id", "run", ["batch_id"], "batch_id IS NOT NULL"),
    ("ix_attempt_input_blob", "attempt", ["input_blob"], "input_blob IS NOT NULL"),
    ("ix_attempt_output_blob", "attempt", ["output_blob"], "output_blob IS NOT NULL"),
    ("ix_event_blob_key", "event", ["blob_key"], "blob_key IS NOT NULL"),
    ("ix_file_blob_key", "file", ["blob_key"], "blob_key IS NOT NULL"),
    ("ix_outbox_gate", "outbox", ["gate", "run_id"], "gate IS NOT NULL"),
    ("ix_outbox_admitted", "outbox", ["gate"], "admitted"),
    ("ix_outbox_debounce", "outbox", ["debounce", "run_id"], "debounce IS NOT NULL"),
    ("ix_outbox_leased", "outbox", ["project_id"], "lease_until IS NOT NULL"),
    ("ix_outbox_parked", "outbox", ["project_id", "run_id"], "parked IS NOT NULL"),
)
_TABLES = ("approver", "approval", "gate", "batch", "sample", "worker")


def upgrade() -> None:
    for table, columns in _columns().items():
        for column in columns:
            op.add_column(table, column)
    _adopt_outbox()
    for name, table, on, condition in _PARTIAL:
        where = sa.text(condition)
        op.create_index(name, table, on, postgresql_where=where, sqlite_where=where)
    op.drop_index("ix_outbox_due_at", "outbox")
    op.create_index("ix_outbox_rank_at", "outbox", ["rank_at"])
    op.create_table(
        "approval",
        sa.Column("id", _ID, nullable=False),
        sa.Column("project_id", _ID, nullable=False),
        sa.Column("run_id", _ID, nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("question", sa.String(), nullable=False),
        sa.Column("required", sa.Integer(), nullable=False),
        sa.Column("veto", sa.Boolean(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("expires_at", _MOMENT),
        sa.Column("decided_at", _MOMENT),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("run_id", "path", "number"),
    )
    op.create_table(
        "approver",
        sa.Column("id", _ID, nullable=False),
        sa.Column("approval_id", _ID, nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("user_id", sa.Integer()),
        sa.Column("token_digest", sa.String()),
        sa.Column("approved", sa.Boolean()),
        sa.Column("comment", sa.String(), nullable=False),
        sa.Column("mail_due_at", _MOMENT),
        _counter("mail_attempts"),
        sa.Column("mail_error", sa.String()),
        sa.Column("mailed_at", _MOMENT),
        sa.Column("decided_at", _MOMENT),
        sa.ForeignKeyConstraint(["approval_id"], ["approval.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("token_digest"),
    )
    op.create_index("ix_approval_project_id_id", "approval", ["project_id", "id"])
    op.create_index("ix_approver_approval_id", "approver", ["approval_id"])
    due = sa.text("mail_due_at IS NOT NULL")
    op.create_index(
        "ix_approver_mail_due_at", "approver", ["mail_due_at"], postgresql_where=due, sqlite_where=due
    )
    op.create_table(
        "gate",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("project_id", _ID, nullable=False),
        sa.Column("zap_id", _ID),
        sa.Column("last_start_at", _MOMENT),
        sa.Column("next_start_at", _MOMENT),
        sa.Column("updated_at", _MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("ix_gate_project_id", "gate", ["project_id"])
    op.create_table(
        "batch",
        sa.Column("id", _ID, nullable=False),
        sa.Column("project_id", _ID, nullable=False),
        sa.Column("created_by", sa.Integer()),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("started", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("cursor", _ID),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("finished_at", _MOMENT),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["created_by"], ["user.id"], ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_batch_project_id", "batch", ["project_id"])
    op.create_table(
        "sample",
        sa.Column("zap_id", _ID, nullable=False),
        sa.Column("step_id", sa.String(length=48), nullable=False),
        sa.Column("project_id", _ID, nullable=False),
        sa.Column("input", sa.Text()),
        sa.Column("output", sa.Text()),
        sa.Column("updated_at", _MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["zap_id"], ["zap.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("zap_id", "step_id"),
    )
    op.create_table(
        "worker",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("release", sa.String(), nullable=False),
        sa.Column("concurrency", sa.Integer(), nullable=False),
        sa.Column("held", sa.Integer(), nullable=False),
        sa.Column("started_at", _MOMENT, nullable=False),
        sa.Column("seen_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )


def _adopt_outbox() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("outbox", "rank_at", server_default=sa.text("now()"))
    op.execute(
        "UPDATE outbox SET rank_at = due_at,"
        " project_id = (SELECT project_id FROM run WHERE run.id = outbox.run_id),"
        " zap_id = (SELECT zap_id FROM run WHERE run.id = outbox.run_id)"
    )


def downgrade() -> None:
    for table in _TABLES:
        op.drop_table(table)
    op.drop_index("ix_outbox_rank_at", "outbox")
    op.create_index("ix_outbox_due_at", "outbox", ["due_at"])
    for name, table, _, _ in _PARTIAL:
        op.drop_index(name, table)
    for table, columns in _columns().items():
        for column in columns:
            op.drop_column(table, column.name)
