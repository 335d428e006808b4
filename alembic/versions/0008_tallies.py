"""Figures of runs, counted once: a tally per zap and day."""

import sqlalchemy as sa

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_ID = sa.String(length=36).with_variant(sa.String(length=36, collation="C"), "postgresql")
_MOMENT = sa.DateTime(timezone=True)
_WAS_RETRIED = sa.text("retries > 0")


def upgrade() -> None:
    op.create_table(
        "tally",
        sa.Column("project_id", _ID, nullable=False),
        sa.Column("day", sa.String(), nullable=False),
        sa.Column("zap_id", _ID, nullable=False),
        sa.Column("through_at", _MOMENT, nullable=False),
        sa.Column("total", sa.Integer(), server_default="0", nullable=False),
        sa.Column("slots", sa.LargeBinary(), nullable=False),
        sa.Column("durations", sa.Text(), nullable=False),
        sa.Column("retries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("pending", sa.Text()),
        sa.Column("counted_at", _MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("project_id", "day", "zap_id"),
    )
    op.create_index("ix_tally_zap_id_day", "tally", ["zap_id", "day"])
    op.create_table(
        "tally_mark",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("through_at", _MOMENT),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "ix_run_retried",
        "run",
        ["project_id", "id"],
        postgresql_where=_WAS_RETRIED,
        sqlite_where=_WAS_RETRIED,
    )


def downgrade() -> None:
    op.drop_index("ix_run_retried", "run")
    op.drop_table("tally_mark")
    op.drop_table("tally")
