"""Snapshots share chunks of rows, each row with a salted commitment that outlives it; a function erases rows.

Rows of earlier snapshots get chunks without commitments, one for each part, which their recorded hashes verify.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

LABEL = "label IN ('negative', 'neutral', 'positive')"
PART = "part IN ('train', 'holdout')"
VIEW = """
    CREATE VIEW snapshot_rows AS
    SELECT s.snapshot_id, f.tweet_id, f.label, f.part
    FROM snapshot_contents s JOIN chunk_rows c USING (chunk_id) JOIN frozen_rows f USING (row_id)
"""
MOVE = (
    "INSERT INTO frozen_rows (tweet_id, label, part) SELECT DISTINCT tweet_id, label, part FROM whole_rows",
    "INSERT INTO snapshot_chunks (root, part) SELECT DISTINCT 'snapshot ' || snapshot_id || ' ' || part, part "
    "FROM whole_rows",
    "INSERT INTO chunk_rows (chunk_id, position, row_id) SELECT c.chunk_id, "
    "row_number() OVER (PARTITION BY c.chunk_id ORDER BY w.tweet_id) - 1, f.row_id "
    "FROM whole_rows w JOIN snapshot_chunks c ON c.root = 'snapshot ' || w.snapshot_id || ' ' || w.part "
    "JOIN frozen_rows f ON (f.tweet_id, f.label, f.part) = (w.tweet_id, w.label, w.part)",
    "INSERT INTO snapshot_contents (snapshot_id, position, chunk_id) "
    "SELECT split_part(root, ' ', 2)::bigint, CASE part WHEN 'train' THEN 0 ELSE 1 END, chunk_id FROM snapshot_chunks",
)
# with the rights of its owner: no role of the platform may delete frozen rows, and through it only those of tweets that
# an open request names
ERASE = """
    CREATE FUNCTION erase_frozen_rows(request bigint, ids bigint[]) RETURNS SETOF bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    DECLARE
        named bigint[];
    BEGIN
        PERFORM FROM erasure_requests WHERE request_id = request AND state = 'erasing' FOR UPDATE;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'request % is not being erased', request USING ERRCODE = 'check_violation';
        END IF;
        SELECT coalesce(array_agg(tweet_id), '{}') INTO named FROM erasure_targets
            WHERE request_id = request AND tweet_id = ANY(ids);
        INSERT INTO chunks_to_rewrite (chunk_id)
            SELECT DISTINCT c.chunk_id FROM frozen_rows f JOIN chunk_rows c USING (row_id)
            WHERE f.tweet_id = ANY(named) ON CONFLICT DO NOTHING;
        RETURN QUERY DELETE FROM frozen_rows WHERE tweet_id = ANY(named) RETURNING row_id;
    END $$
"""


def upgrade() -> None:
    """Apply. It copies the rows of all snapshots once."""
    op.create_table(
        "snapshot_chunks",
        sa.Column("chunk_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("root", sa.Text(), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("leaves", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("chunk_id", name="pk_snapshot_chunks"),
        sa.UniqueConstraint("root", name="uq_snapshot_chunks_root"),
        sa.CheckConstraint(PART, name="ck_snapshot_chunks_part"),
    )
    op.create_table(
        "frozen_rows",
        sa.Column("row_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("tweet_id", sa.BigInteger(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=True),
        sa.Column("content_commitment", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("row_id", name="pk_frozen_rows"),
        sa.CheckConstraint(LABEL, name="ck_frozen_rows_label"),
        sa.CheckConstraint(PART, name="ck_frozen_rows_part"),
        sa.CheckConstraint("(salt IS NULL) = (content_commitment IS NULL)", name="ck_frozen_rows_committed"),
    )
    op.create_table(
        "chunk_rows",
        sa.Column("chunk_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("row_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("chunk_id", "position", name="pk_chunk_rows"),
        sa.ForeignKeyConstraint(["chunk_id"], ["snapshot_chunks.chunk_id"], name="fk_chunk_rows_chunk_id"),
    )
    op.create_table(
        "snapshot_contents",
        sa.Column("snapshot_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("chunk_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("snapshot_id", "position", name="pk_snapshot_contents"),
        sa.ForeignKeyConstraint(["snapshot_id"], ["snapshots.snapshot_id"], name="fk_snapshot_contents_snapshot_id"),
        sa.ForeignKeyConstraint(["chunk_id"], ["snapshot_chunks.chunk_id"], name="fk_snapshot_contents_chunk_id"),
    )
    op.create_table(
        "chunks_to_rewrite",
        sa.Column("chunk_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("chunk_id", name="pk_chunks_to_rewrite"),
        sa.ForeignKeyConstraint(["chunk_id"], ["snapshot_chunks.chunk_id"], name="fk_chunks_to_rewrite_chunk_id"),
    )
    op.rename_table("snapshot_rows", "whole_rows")
    for statement in MOVE:
        op.execute(statement)
    op.drop_table("whole_rows")
    op.create_index("ix_frozen_rows_tweet_id", "frozen_rows", ["tweet_id"])
    op.create_index("ix_chunk_rows_row_id", "chunk_rows", ["row_id"])
    op.create_index("ix_snapshot_contents_chunk_id", "snapshot_contents", ["chunk_id"])
    op.execute(VIEW)
    op.execute(ERASE)
    op.execute("REVOKE ALL ON FUNCTION erase_frozen_rows(bigint, bigint[]) FROM PUBLIC")
