"""Full-text index of the tweets."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply. It takes about ten seconds for each million tweets, in which nothing can be ingested."""
    words = sa.text("to_tsvector('simple'::regconfig, text)")
    op.create_index("ix_tweets_words", "tweets", [words], postgresql_using="gin")
