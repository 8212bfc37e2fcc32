"""Days of quality say what their bounds claim; skipped tweets and the calibration error are kept with them.

Days that are stored already keep their figures without a claim, and are computed anew when a check spans them.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

FIGURES = ("calibration_error", "overconfidence")


def upgrade() -> None:
    """Apply."""
    op.add_column("quality_days", sa.Column("basis", sa.Text(), nullable=True))
    for name in ("skipped", "labelled_twice", "calibration_labels"):
        op.add_column("quality_days", sa.Column(name, sa.BigInteger(), server_default="0", nullable=False))
        op.alter_column("quality_days", name, server_default=None)
    for name in (f"{figure}{bound}" for figure in FIGURES for bound in ("", "_low", "_high")):
        op.add_column("quality_days", sa.Column(name, sa.Double(), nullable=True))
    op.alter_column("quality_days", "estimated_low", nullable=True)
    op.alter_column("quality_days", "estimated_high", nullable=True)
