"""Locks are rows that only those may lock who need them; an advisory lock can be held by every role."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

LOCKS = {"step_locks": ("ledger", "champion", "alias", "sentiment_days", "labels"), "label_locks": ("snapshot",)}


def upgrade() -> None:
    """Apply."""
    for table, names in LOCKS.items():
        lockable: sa.Column[bool] = sa.Column("lockable", sa.Boolean(), nullable=False, server_default=sa.text("true"))
        created = op.create_table(table, sa.Column("name", sa.Text(), nullable=False), lockable)
        op.create_primary_key(f"pk_{table}", table, ["name"])
        op.bulk_insert(created, [{"name": name} for name in names])
