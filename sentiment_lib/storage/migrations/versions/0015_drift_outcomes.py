"""Whether drift did harm, decided by labels that came later."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "drift_outcomes",
        sa.Column("report_id", sa.BigInteger(), nullable=False),
        sa.Column("harmless", sa.Boolean(), nullable=False),
        *(sa.Column(name, sa.Double(), nullable=False) for name in ("loss", "low", "high")),
        sa.Column("decided_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["report_id"], ["drift_reports.report_id"], name=op.f("fk_drift_outcomes_report_id")),
        sa.PrimaryKeyConstraint("report_id", name=op.f("pk_drift_outcomes")),
    )
