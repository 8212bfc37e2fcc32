"""The rows of a snapshot of an earlier release get commitments: its chunks are replaced by such that have them."""

from __future__ import annotations

from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None

# with the rights of its owner: no role of the platform may delete rows of snapshots, and through it only those without
# commitments, whose place others take. The ledger's hash of the rows says whether these are the same
REPLACE = """
    CREATE FUNCTION replace_whole_rows(snapshot bigint, chunks bigint[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    DECLARE
        before bigint[];
    BEGIN
        SELECT coalesce(array_agg(chunk_id), '{}') INTO before
            FROM snapshot_contents WHERE snapshot_id = snapshot;
        IF EXISTS (SELECT FROM snapshot_chunks WHERE chunk_id = ANY(before) AND leaves IS NOT NULL)
            OR EXISTS (SELECT FROM snapshot_chunks WHERE chunk_id = ANY(chunks) AND leaves IS NULL) THEN
            RAISE EXCEPTION 'the rows of snapshot % have commitments', snapshot USING ERRCODE = 'check_violation';
        END IF;
        DELETE FROM snapshot_contents WHERE snapshot_id = snapshot;
        INSERT INTO snapshot_contents (snapshot_id, position, chunk_id) SELECT snapshot, position - 1, chunk_id
            FROM unnest(chunks) WITH ORDINALITY AS contents (chunk_id, position);
        CREATE TEMP TABLE replaced_rows ON COMMIT DROP AS
            SELECT DISTINCT row_id FROM chunk_rows WHERE chunk_id = ANY(before);
        DELETE FROM chunk_rows WHERE chunk_id = ANY(before);
        DELETE FROM snapshot_chunks WHERE chunk_id = ANY(before);
        DELETE FROM frozen_rows f USING replaced_rows r WHERE r.row_id = f.row_id
            AND NOT EXISTS (SELECT FROM chunk_rows c WHERE c.row_id = f.row_id);
        DROP TABLE replaced_rows;
    END $$
"""


def upgrade() -> None:
    """Apply."""
    op.execute(REPLACE)
    op.execute("REVOKE ALL ON FUNCTION replace_whole_rows(bigint, bigint[]) FROM PUBLIC")
