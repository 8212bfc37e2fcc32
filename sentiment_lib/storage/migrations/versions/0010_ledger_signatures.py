"""Ledger rows are signed; a signed checkpoint covers the rows that a database has already."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sentiment_lib.storage import ledger

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("ledger", sa.Column("signature", sa.Text(), nullable=True))
    ledger.append_checkpoint(op.get_bind())
