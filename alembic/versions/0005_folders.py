"""What surrounds the list of zaps: folders, tags, and when somebody's first steps ended."""

import sqlalchemy as sa

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_ID = sa.String(length=36).with_variant(sa.String(length=36, collation="C"), "postgresql")
_MOMENT = sa.DateTime(timezone=True)
_HAS_FOLDER = sa.text("folder_id IS NOT NULL")


def upgrade() -> None:
    op.add_column("user", sa.Column("first_steps_ended_at", _MOMENT))
    op.add_column("zap", sa.Column("folder_id", _ID))
    op.create_index(
        "ix_zap_folder_id",
        "zap",
        ["folder_id"],
        postgresql_where=_HAS_FOLDER,
        sqlite_where=_HAS_FOLDER,
    )
    op.create_table(
        "folder",
        sa.Column("id", _ID, nullable=False),
        sa.Column("project_id", _ID, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("project_id", "key"),
    )
    op.create_table(
        "tag",
        sa.Column("zap_id", _ID, nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("project_id", _ID, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["zap_id"], ["zap.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("zap_id", "key"),
    )
    op.create_index("ix_tag_project_id_key", "tag", ["project_id", "key"])


def downgrade() -> None:
    op.drop_table("tag")
    op.drop_table("folder")
    op.drop_index("ix_zap_folder_id", "zap")
    op.drop_column("zap", "folder_id")
    op.drop_column("user", "first_steps_ended_at")
