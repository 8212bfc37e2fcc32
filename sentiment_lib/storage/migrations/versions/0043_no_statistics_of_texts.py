"""The planner keeps no samples of texts, authors, changed words and salts: what it keeps outlives a row that is erased.

Its statistics hold the values of many rows, for tables with partitions a second time, and Postgres does not overwrite
the statistics that it replaces.
"""

from __future__ import annotations

from alembic import op

from sentiment_lib.records import API_IDS_FROM

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None

COLUMNS = {
    "tweets": ("text", "author_hash"),
    "quarantine": ("reason", "raw"),
    "alerts": ("title", "body"),
    "alert_responses": ("comment",),
    "drift_reports": ("signals", "details"),
    "erasure_requests": ("subject",),
    "frozen_rows": ("salt",),
    # of a poll by an earlier release it is an id
    "ingests": ("input_digest",),
}
# words of an index over an expression have statistics of their own
NONE_OF_INDEXES = """
DO $$
DECLARE
    words regclass;
BEGIN
    FOR words IN SELECT i.indexrelid::regclass FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
            WHERE i.indexprs IS NOT NULL AND c.relkind = 'i'
              AND i.indrelid IN (SELECT relid FROM pg_partition_tree('tweets')) LOOP
        EXECUTE format('ALTER INDEX %s ALTER COLUMN 1 SET STATISTICS 0', words);
        IF to_regproc('pg_clear_attribute_stats') IS NOT NULL THEN
            PERFORM pg_clear_attribute_stats(n.nspname::text, c.relname::text, a.attname::text, false)
            FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
            WHERE c.oid = words;
        END IF;
    END LOOP;
END $$
"""
CLEAR = """
DO $$
BEGIN
    IF to_regproc('pg_clear_attribute_stats') IS NOT NULL THEN
        PERFORM pg_clear_attribute_stats(n.nspname::text, c.relname::text, '{column}', inherited)
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, unnest(ARRAY[false, true]) inherited
        WHERE c.oid = '{table}'::regclass OR c.oid IN (SELECT relid FROM pg_partition_tree('{table}'));
    END IF;
END $$
"""
ADD = f"""
CREATE OR REPLACE FUNCTION add_partition(upper_id bigint) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    of_api boolean := upper_id > {API_IDS_FROM};
    lower_id bigint;
    suffix text;
    parent text;
    words regclass;
BEGIN
    LOCK TABLE tweets IN SHARE UPDATE EXCLUSIVE MODE;
    SELECT max(p.upper_id) INTO lower_id FROM tweet_partitions p WHERE p.is_api = of_api;
    IF upper_id <= lower_id THEN
        RETURN false;
    END IF;
    IF upper_id > first_id_of(now() + interval '400 days', of_api) THEN
        RAISE EXCEPTION 'no partition is made more than 400 days ahead: %', upper_id
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    suffix := CASE WHEN of_api THEN '_api' ELSE '' END || '_'
              || to_char(time_of_id(lower_id) AT TIME ZONE 'UTC', 'YYYYMMDD');
    FOREACH parent IN ARRAY ARRAY['tweets', 'predictions'] LOOP
        EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', parent || suffix, parent);
        EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)',
                       parent, parent || suffix, lower_id, upper_id);
    END LOOP;
    -- neither LIKE nor ATTACH takes this from the table
    EXECUTE format('ALTER TABLE %I ALTER text SET STATISTICS 0, ALTER author_hash SET STATISTICS 0', 'tweets' || suffix);
    FOR words IN SELECT indexrelid::regclass FROM pg_index
            WHERE indexprs IS NOT NULL AND indrelid = format('%I', 'tweets' || suffix)::regclass LOOP
        EXECUTE format('ALTER INDEX %s ALTER COLUMN 1 SET STATISTICS 0', words);
    END LOOP;
    RETURN true;
END $$
"""


def upgrade() -> None:
    """Apply."""
    for table, columns in COLUMNS.items():
        named = ", ".join(f"ALTER {column} SET STATISTICS 0" for column in columns)
        op.execute(f"ALTER TABLE {table} {named}")
        for column in columns:
            op.execute(CLEAR.format(column=column, table=table))
    op.execute(NONE_OF_INDEXES)
    op.execute(ADD)
