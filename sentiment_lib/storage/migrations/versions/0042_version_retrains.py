"""Which versions that learned from forgotten tweets are to be trained again, before their packages are erased."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("version_erasures", sa.Column("retrain", sa.Boolean(), nullable=False, server_default=sa.false()))
