"""Copies of a text in the tweets of a day and airline; days that were added up before count as without copies."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("sentiment_days", sa.Column("squared_copies", sa.Double(), nullable=True))
    op.execute("UPDATE sentiment_days SET squared_copies = tweets")
    op.alter_column("sentiment_days", "squared_copies", nullable=False)
