"""No moment is stored that a program cannot read, and a request to forget of the API names what it says.

The checks count for rows that are stored from here on: checking those that are there would read every table.
"""

from __future__ import annotations

from alembic import op

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None

# chunks of labelled tweets without a bound reach from the first to the last day
WITHIN = "isfinite({0}) AND {0} >= '0001-01-01 00:00+00' AND {0} <= '9999-12-31 00:00+00'"
COLUMNS = """
    SELECT c.relname, array_agg(a.attname::text ORDER BY a.attnum)
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
        AND a.atttypid IN ('timestamptz'::regtype, 'date'::regtype)
    GROUP BY c.relname ORDER BY c.relname
"""
# coalesce: a check that is NULL passes
SUBJECT = (
    "subject IS NULL OR (kind = 'author' AND coalesce(btrim(subject ->> 'author'), '') <> '' "
    "AND subject = jsonb_build_object('author', subject ->> 'author'))"
)
REFUSE = "RAISE EXCEPTION 'the API stores no such row in %', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';"
REQUESTER = f"""
    CREATE OR REPLACE FUNCTION require_key_of_requester() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF NEW.state <> 'received' OR NEW.kind NOT IN ('tweets', 'author') OR NEW.received_at <> now()
            OR NEW.reasons <> '{{}}' OR NEW.counts <> '{{}}' OR (NEW.kind = 'author') <> (NEW.subject IS NOT NULL)
            OR NEW.due_at NOT BETWEEN now() AND now() + interval '400 days' OR NOT EXISTS (
                SELECT FROM public.api_keys WHERE name = NEW.requested_by AND revoked_at IS NULL
                AND (expires_at IS NULL OR expires_at > now()) AND roles && ARRAY['privacy', 'admin']) THEN
            {REFUSE}
        END IF;
        RETURN NULL;
    END $$
"""
# with the rights of their owner: the API may not read targets. The first runs at the commit, or before it when the role
# says so; from then on the second refuses further ones
COUNTED = (
    f"""
    CREATE FUNCTION require_named_targets() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$ BEGIN
        IF NEW.named <> (SELECT count(*) FROM erasure_targets WHERE request_id = NEW.request_id) THEN
            {REFUSE}
        END IF;
        RETURN NULL;
    END $$
    """,
    f"""
    CREATE FUNCTION require_no_further_targets() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$ BEGIN
        IF EXISTS (SELECT FROM erasure_requests r WHERE request_id IN (SELECT request_id FROM stored)
                AND named < (SELECT count(*) FROM erasure_targets t WHERE t.request_id = r.request_id)) THEN
            {REFUSE}
        END IF;
        RETURN NULL;
    END $$
    """,
    "CREATE CONSTRAINT TRIGGER named_by_the_api AFTER INSERT ON erasure_requests DEFERRABLE INITIALLY DEFERRED "
    "FOR EACH ROW WHEN (current_user = 'sentiment_api') EXECUTE FUNCTION require_named_targets()",
    "CREATE TRIGGER targets_named_by_the_api AFTER INSERT ON erasure_targets REFERENCING NEW TABLE AS stored "
    "FOR EACH STATEMENT WHEN (current_user = 'sentiment_api') EXECUTE FUNCTION require_no_further_targets()",
)


def upgrade() -> None:
    """Apply."""
    # such a request could not be carried out, and no change of its row would be stored
    op.execute(
        "UPDATE erasure_requests SET due_at = received_at + interval '1 day' "
        f"WHERE state <> 'done' AND NOT ({WITHIN.format('due_at')})"
    )
    for table, columns in op.get_bind().exec_driver_sql(COLUMNS).all():
        checks = (
            f"ADD CONSTRAINT ck_{table}_{column}_in_calendar CHECK ({WITHIN.format(column)}) NOT VALID"
            for column in columns
        )
        op.execute(f"ALTER TABLE {table} {', '.join(checks)}")
    op.execute(
        f"ALTER TABLE erasure_requests ADD CONSTRAINT ck_erasure_requests_subject_of_author CHECK ({SUBJECT}) NOT VALID"
    )
    op.execute(REQUESTER)
    for statement in COUNTED:
        op.execute(statement)
