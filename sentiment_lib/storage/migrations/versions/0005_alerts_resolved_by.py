"""Who said that an alert is over."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("alerts", sa.Column("resolved_by", sa.Text(), nullable=True))
    op.create_check_constraint(op.f("ck_alerts_resolved"), "alerts", "resolved_by IS NULL OR resolved_at IS NOT NULL")
