"""The run list at size: a range of an index for each status."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_run_project_id_status_id", "run", ["project_id", "environment", "status", "id"]
    )
    op.create_index("ix_run_zap_id_status_id", "run", ["zap_id", "status", "id"])
    op.drop_index("ix_run_project_id_id", "run")


def downgrade() -> None:
    op.create_index("ix_run_project_id_id", "run", ["project_id", "id"])
    op.drop_index("ix_run_zap_id_status_id", "run")
    op.drop_index("ix_run_project_id_status_id", "run")
