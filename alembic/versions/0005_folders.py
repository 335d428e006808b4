"""What surrounds the list of zaps: when somebody's first steps ended."""

import sqlalchemy as sa

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("user", sa.Column("first_steps_ended_at", _MOMENT))


def downgrade() -> None:
    op.drop_column("user", "first_steps_ended_at")
