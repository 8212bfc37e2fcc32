"""Days of quality say what the bounds of their calibration error claim; days without it are computed anew."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("quality_days", sa.Column("calibration_basis", sa.Text(), nullable=True))
