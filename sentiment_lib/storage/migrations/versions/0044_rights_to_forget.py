"""What roles may ask to forget and to search: the API in the name of a privacy desk's key, the console downloads.

Rows of a snapshot without commitments are replaced by chunks of the same rows only.
"""

from __future__ import annotations

from alembic import op

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None

REFUSE = "RAISE EXCEPTION 'the API stores no such row in %', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';"
FUNCTIONS = {
    "require_key_of_requester": f"""
        IF NEW.state <> 'received' OR NEW.kind NOT IN ('tweets', 'author') OR NEW.received_at <> now()
            OR NEW.reasons <> '{{}}' OR NEW.counts <> '{{}}' OR NOT EXISTS (
                SELECT FROM public.api_keys WHERE name = NEW.requested_by AND revoked_at IS NULL
                AND (expires_at IS NULL OR expires_at > now()) AND roles && ARRAY['privacy', 'admin']) THEN
            {REFUSE}
        END IF;
    """,
    # a request is complete at its commit: later, its rows would be of somebody else
    "require_own_request": f"""
        IF EXISTS (SELECT FROM stored WHERE request_id NOT IN (
                SELECT request_id FROM public.erasure_requests
                WHERE state = 'received' AND xmin = pg_current_xact_id()::xid)) THEN
            {REFUSE}
        END IF;
    """,
    "refuse_path_of_reader": """
        RAISE EXCEPTION 'no path of a file is stored by %', current_user USING ERRCODE = 'insufficient_privilege';
    """,
}
TRIGGERS = (
    "CREATE TRIGGER requests_of_the_api AFTER INSERT ON erasure_requests FOR EACH ROW "
    "WHEN (current_user = 'sentiment_api') EXECUTE FUNCTION require_key_of_requester()",
    *(
        f"CREATE TRIGGER {table}_of_the_api AFTER INSERT ON {table} REFERENCING NEW TABLE AS stored "
        "FOR EACH STATEMENT WHEN (current_user = 'sentiment_api') EXECUTE FUNCTION require_own_request()"
        for table in ("erasure_targets", "tombstones")
    ),
    "CREATE TRIGGER exports_of_readers AFTER INSERT ON exports FOR EACH ROW WHEN (NEW.path IS NOT NULL "
    "AND current_user IN ('sentiment_api', 'sentiment_console')) EXECUTE FUNCTION refuse_path_of_reader()",
)
REPLACE = """
    CREATE OR REPLACE FUNCTION replace_whole_rows(snapshot bigint, chunks bigint[]) RETURNS void
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
        -- each row as often as before: counted with opposite signs, they cancel out
        IF EXISTS (
            SELECT FROM (
                SELECT row_id, 1 AS sign FROM unnest(before) AS old (chunk_id) JOIN chunk_rows USING (chunk_id)
                UNION ALL
                SELECT row_id, -1 FROM unnest(chunks) AS new (chunk_id) JOIN chunk_rows USING (chunk_id)
            ) placed JOIN frozen_rows USING (row_id)
            GROUP BY tweet_id, label, part HAVING sum(sign) <> 0) THEN
            RAISE EXCEPTION 'the chunks hold other rows than snapshot %', snapshot USING ERRCODE = 'check_violation';
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
    for name, body in FUNCTIONS.items():
        op.execute(f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} RETURN NULL; END $$")
    for trigger in TRIGGERS:
        op.execute(trigger)
