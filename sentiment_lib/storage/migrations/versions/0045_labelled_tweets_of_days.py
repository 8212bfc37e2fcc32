"""Labels of any source by day and airline, beside the predictions; every day is counted again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    for name in ("labelled", "labelled_negative", "missed_negative", "wrongly_negative"):
        op.add_column("sentiment_days", sa.Column(name, sa.BigInteger(), nullable=False, server_default="0"))
    # a refresh takes what came after the newest of these
    op.execute("UPDATE sentiment_days SET computed_at = '1970-01-01Z'")
