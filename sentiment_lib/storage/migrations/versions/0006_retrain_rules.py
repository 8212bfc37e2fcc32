"""Any retrain rule of the catalogue may request a retrain."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.drop_constraint(op.f("ck_retrain_requests_rule"), "retrain_requests")
