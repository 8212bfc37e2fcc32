"""Quality by day, and an index of the ingests that collect.

There is no revision 0003. The number stays free: databases are stamped with the ids of the others, so renumbering them
would make an old database pass for an upgraded one.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0002"
branch_labels = None
depends_on = None

FIGURES = ("measured", "powered", "accuracy")


def upgrade() -> None:
    """Apply."""
    bounded = [f"{name}{bound}" for name in FIGURES for bound in ("", "_low", "_high")]
    op.create_table(
        "quality_days",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("model_version", sa.BigInteger(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("estimated", sa.Double(), nullable=False),
        sa.Column("estimated_low", sa.Double(), nullable=False),
        sa.Column("estimated_high", sa.Double(), nullable=False),
        sa.Column("labelled", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.Double(), nullable=True) for name in bounded),
        sa.Column("computed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["model_version"], ["model_versions.version"], name=op.f("fk_quality_days_model_version")
        ),
        sa.PrimaryKeyConstraint("day", "model_version", name=op.f("pk_quality_days")),
    )
    op.create_index(
        "ix_ingests_collected", "ingests", ["started_at"], unique=False, postgresql_where=sa.text("source <> 'api'")
    )
