"""Retrain requests have a ledger row each: a request counts only with it."""

from __future__ import annotations

from datetime import UTC

import sqlalchemy as sa
from alembic import op

from sentiment_lib.storage import ledger

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    connection = op.get_bind()
    query = "SELECT request_id, rule, reason, requested_at FROM retrain_requests ORDER BY request_id"
    for row in connection.execute(sa.text(query)).mappings().all():
        facts = {**row, "requested_at": row["requested_at"].astimezone(UTC)}
        ledger.append(connection, "retrain_request", facts)
