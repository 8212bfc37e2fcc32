"""Several open picks of one person: each has a slot of its own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

OPEN = "state = 'open'"


def upgrade() -> None:
    """Apply."""
    op.add_column("label_picks", sa.Column("slot", sa.SmallInteger(), server_default="1", nullable=False))
    op.create_check_constraint(op.f("ck_label_picks_slot"), "label_picks", "slot BETWEEN 1 AND 10")
    op.drop_index("uq_label_picks_one_open", "label_picks")
    op.create_index(
        "uq_label_picks_one_open", "label_picks", ["person", "slot"], unique=True, postgresql_where=sa.text(OPEN)
    )
