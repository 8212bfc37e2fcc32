"""Predicted classes and errors of audit labels by day and airline."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    counts = ("tweets", "negative", "neutral", "positive", "labels")
    sums = ("weights", "squared_weights", "errors", "squared_errors")
    op.create_table(
        "sentiment_days",
        sa.Column("model_version", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("airline", sa.Text(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in counts),
        *(sa.Column(name, sa.Double(), nullable=False) for name in sums),
        sa.Column("computed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("tweets = negative + neutral + positive", name=op.f("ck_sentiment_days_adds_up")),
        sa.ForeignKeyConstraint(
            ["model_version"], ["model_versions.version"], name=op.f("fk_sentiment_days_model_version")
        ),
        sa.PrimaryKeyConstraint("model_version", "day", "airline", name=op.f("pk_sentiment_days")),
    )
