"""Tweets with a label, kept up to date by a queue of changes, so that a snapshot costs its new labels."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

# a statement of its own for each event: a transition table belongs to one
QUEUE = """
    CREATE FUNCTION queue_label_changes() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO public.label_changes (tweet_id) SELECT DISTINCT tweet_id FROM changed;
        RETURN NULL;
    END $$
"""
EVENTS = (("INSERT", "NEW"), ("UPDATE", "NEW"), ("DELETE", "OLD"))


def upgrade() -> None:
    """Apply. Tables without rows make the first snapshot read every label once."""
    op.create_table(
        "label_changes",
        sa.Column("change_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("tweet_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("change_id", name="pk_label_changes"),
    )
    op.create_table(
        "labelled_tweets",
        sa.Column("tweet_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("synthetic", sa.Boolean(), nullable=False),
        sa.Column("text_key", sa.BigInteger(), nullable=True),
        sa.Column("thinning_draw", sa.Double(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("label_source", sa.Text(), nullable=False),
        sa.Column("judging_label", sa.Text(), nullable=True),
        sa.Column("judging_source", sa.Text(), nullable=True),
        sa.Column("inclusion", sa.Double(), nullable=True),
        sa.Column("part", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("tweet_id", name="pk_labelled_tweets"),
    )
    op.create_index("ix_labelled_tweets_created_at_tweet_id", "labelled_tweets", ["created_at", "tweet_id"])
    op.create_index(
        "ix_labelled_tweets_judging",
        "labelled_tweets",
        ["created_at", "tweet_id"],
        postgresql_where=sa.text("judging_label IS NOT NULL"),
    )
    op.create_index(
        "ix_labelled_tweets_inclusion",
        "labelled_tweets",
        ["inclusion", "created_at"],
        postgresql_where=sa.text("judging_source = 'audit'"),
    )
    op.create_index("ix_labelled_tweets_text_key", "labelled_tweets", ["text_key"])
    op.create_index(
        "ix_labelled_tweets_part_created_at_tweet_id", "labelled_tweets", ["part", "created_at", "tweet_id"]
    )
    op.create_table(
        "text_prints",
        sa.Column("print", sa.BigInteger(), nullable=False),
        sa.Column("text_key", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("print", "text_key", name="pk_text_prints"),
    )
    op.create_index("ix_text_prints_text_key", "text_prints", ["text_key"])
    op.create_table(
        "near_copies",
        sa.Column("text_key", sa.BigInteger(), nullable=False),
        sa.Column("other_key", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("text_key", "other_key", name="pk_near_copies"),
    )
    op.create_table(
        "labelled_chunks",
        sa.Column("chunk_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("after_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("after_id", sa.BigInteger(), nullable=False),
        sa.Column("end_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("end_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["chunk_id"], ["snapshot_chunks.chunk_id"], name="fk_labelled_chunks_chunk_id"),
        sa.PrimaryKeyConstraint("chunk_id", name="pk_labelled_chunks"),
    )
    op.create_table(
        "labelled_state",
        sa.Column("rules", sa.Text(), nullable=False),
        sa.Column("split_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("least_inclusion", sa.Double(), nullable=True),
        *(
            sa.Column(name, sa.BigInteger(), nullable=False)
            for name in ("judging", "judging_before", "train_rows", "holdout_rows")
        ),
        *(sa.Column(f"synthetic_{part}", sa.BigInteger(), nullable=False) for part in ("train", "holdout")),
        sa.PrimaryKeyConstraint("rules", name="pk_labelled_state"),
    )
    op.execute(QUEUE)
    for table in ("labels", "label_picks"):
        for event, rows in EVENTS:
            op.execute(
                f"CREATE TRIGGER {table}_changed_by_{event.lower()} AFTER {event} ON {table} "
                f"REFERENCING {rows} TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION queue_label_changes()"
            )
