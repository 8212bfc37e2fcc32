"""One ingest of the API for each hour, and one index to find an ingest by its input."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_index(
        "uq_ingests_api_hour",
        "ingests",
        ["input_digest"],
        unique=True,
        postgresql_where=sa.text("source = 'api'"),
    )
    op.create_index(
        "ix_ingests_unfinished",
        "ingests",
        ["source", "input_digest"],
        postgresql_where=sa.text("finished_at IS NULL"),
    )
