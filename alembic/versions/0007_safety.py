"""Safety of drafts: who saved last, which revision a snapshot is, notes on versions, hints put away."""

import sqlalchemy as sa

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("zap", sa.Column("draft_by", sa.Integer()))
    op.add_column("zap", sa.Column("draft_at", sa.DateTime(timezone=True)))
    op.add_column("zap", sa.Column("hints_off", sa.Text()))
    op.add_column("snapshot", sa.Column("revision", sa.Integer()))
    op.add_column("version", sa.Column("note", sa.String()))


def downgrade() -> None:
    op.drop_column("version", "note")
    op.drop_column("snapshot", "revision")
    op.drop_column("zap", "hints_off")
    op.drop_column("zap", "draft_at")
    op.drop_column("zap", "draft_by")
