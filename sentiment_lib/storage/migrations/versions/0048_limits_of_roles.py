"""A role that may add rows stops no other with them: lengths and numbers have limits, and partitions whole days.

Checks count for rows that are stored from here on: checking those that are there would read every table.
"""

from __future__ import annotations

from alembic import op

from sentiment_lib.records import API_IDS_FROM

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None

CHECKS = {
    "alerts": {
        "lengths": "length(kind) <= 100 AND length(dedup_key) <= 500 AND length(title) <= 1000 "
        "AND length(body) <= 50000 AND length(evidence_link) <= 2000",
        "count": "count BETWEEN 1 AND 2000000000",
    },
    "tweets": {"airline": "length(airline) <= 100", "language": "length(language) <= 100"},
    "labels": {"smallest_inclusion": "inclusion_probability >= 1e-9"},
}
# Airflow's web server opens alerts of failed runs and of facts that nobody signed, in this role
OPENED_BY_CONSOLE = (
    """
    CREATE FUNCTION require_alert_of_console() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF NEW.kind NOT IN ('dag_failure', 'forged_record') OR NOT starts_with(NEW.dedup_key, NEW.kind || '/')
            OR NEW.count <> 1 OR NEW.opened_at <> now() OR NEW.acknowledged_at IS NOT NULL
            OR NEW.resolved_at IS NOT NULL THEN
            RAISE EXCEPTION 'the console opens no such alert' USING ERRCODE = 'insufficient_privilege';
        END IF;
        RETURN NULL;
    END $$
    """,
    "CREATE TRIGGER alerts_of_console AFTER INSERT ON alerts FOR EACH ROW "
    "WHEN (current_user = 'sentiment_console') EXECUTE FUNCTION require_alert_of_console()",
)
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
    IF upper_id <> first_id_of(date_trunc('day', time_of_id(upper_id), 'UTC'), of_api) THEN
        RAISE EXCEPTION 'a partition ends with a day: %', upper_id USING ERRCODE = 'invalid_parameter_value';
    END IF;
    suffix := CASE WHEN of_api THEN '_api' ELSE '' END || '_'
              || to_char(time_of_id(lower_id) AT TIME ZONE 'UTC', 'YYYYMMDD');
    -- two partitions may begin on one day when the first ends within it
    IF to_regclass('tweets' || suffix) IS NOT NULL THEN
        suffix := suffix || '_' || lower_id;
    END IF;
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
    # people acknowledge and resolve alerts of before, too
    op.execute(
        "UPDATE alerts SET dedup_key = left(dedup_key, 400) || md5(dedup_key), title = left(title, 1000), "
        "body = left(body, 50000), evidence_link = left(evidence_link, 2000), kind = left(kind, 100), "
        "count = least(greatest(count, 1), 2000000000) WHERE length(dedup_key) > 500 OR length(title) > 1000 "
        "OR length(body) > 50000 OR length(evidence_link) > 2000 OR length(kind) > 100 "
        "OR count NOT BETWEEN 1 AND 2000000000"
    )
    for table, checks in CHECKS.items():
        added = ", ".join(
            f"ADD CONSTRAINT ck_{table}_{name} CHECK ({condition}) NOT VALID" for name, condition in checks.items()
        )
        op.execute(f"ALTER TABLE {table} {added}")
    for statement in OPENED_BY_CONSOLE:
        op.execute(statement)
    op.execute(ADD)
