"""Tweets and predictions are partitioned by tweet id, and a prediction is named by its tweet and version.

No row of a collected tweet is copied: the old table becomes the first partition. Texts sent to the API, whose ids lie
above all others, are copied into partitions of their own.

There is no way back: joining the partitions would copy every row, under a lock. Restore the backup from before instead.
"""

from __future__ import annotations

from alembic import op

from sentiment_lib.records import API_IDS_FROM
from sentiment_lib.tweet_ids import API_COUNTER_BITS, API_EPOCH_MS, SNOWFLAKE_BITS, SNOWFLAKE_EPOCH_MS

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

# the first and the last id of a month, and the month of an id: ids of X below, those of the API above
FUNCTIONS = f"""
CREATE FUNCTION first_id_of(moment timestamptz, is_api boolean) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN is_api THEN {API_IDS_FROM} + ((ms - {API_EPOCH_MS}) << {API_COUNTER_BITS})
                ELSE (ms - {SNOWFLAKE_EPOCH_MS}) << {SNOWFLAKE_BITS} END
    FROM (SELECT floor(extract(epoch FROM moment) * 1000)::bigint AS ms) t
$$;
CREATE FUNCTION time_of_id(id bigint) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$
    SELECT to_timestamp(CASE WHEN id >= {API_IDS_FROM} THEN ((id - {API_IDS_FROM}) >> {API_COUNTER_BITS}) + {API_EPOCH_MS}
                             ELSE (id >> {SNOWFLAKE_BITS}) + {SNOWFLAKE_EPOCH_MS} END / 1000.0)
$$;
"""
# With the rights of its owner: no role of the platform defines tables. Partitions follow each other without a gap, so
# the lower bound is where the last one ends; the names say when they begin. ATTACH lets others read and write
ADD = f"""
CREATE FUNCTION add_partition(upper_id bigint) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    of_api boolean := upper_id > {API_IDS_FROM};
    lower_id bigint;
    suffix text;
    parent text;
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
    RETURN true;
END $$
"""
VIEW = f"""
CREATE VIEW tweet_partitions AS
SELECT t.name, t.lower_id, t.upper_id, coalesce(t.lower_id >= {API_IDS_FROM}, false) AS is_api
FROM (SELECT c.relname::text AS name, (regexp_match(bound, 'FROM \\(''?(\\d+)'))[1]::bigint AS lower_id,
             (regexp_match(bound, 'TO \\(''?(\\d+)'))[1]::bigint AS upper_id
      FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid, pg_get_expr(c.relpartbound, c.oid) AS bound
      WHERE i.inhparent = 'tweets'::regclass) t
"""
REMOVE_SYNTHETIC = """
CREATE OR REPLACE FUNCTION remove_synthetic_tweets() RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    removed bigint;
BEGIN
    DELETE FROM drift_outcomes o USING drift_reports r WHERE r.report_id = o.report_id AND EXISTS (
        SELECT FROM tweets t WHERE t.synthetic AND t.created_at >= r.current_start AND t.created_at < r.current_end);
    DELETE FROM drift_reports r WHERE EXISTS (
        SELECT FROM tweets t WHERE t.synthetic AND t.created_at >= r.current_start AND t.created_at < r.current_end);
    DELETE FROM quality_days WHERE day IN (
        SELECT DISTINCT (created_at AT TIME ZONE 'UTC')::date FROM tweets WHERE synthetic);
    DELETE FROM sentiment_days WHERE EXISTS (SELECT FROM tweets WHERE synthetic);
    DELETE FROM tweets_to_score q USING tweets t WHERE t.tweet_id = q.tweet_id AND t.synthetic;
    DELETE FROM label_picks k USING tweets t WHERE t.tweet_id = k.tweet_id AND t.synthetic;
    DELETE FROM feedback f USING tweets t WHERE t.tweet_id = f.tweet_id AND t.synthetic;
    DELETE FROM audit_sample a USING tweets t WHERE t.tweet_id = a.tweet_id AND t.synthetic;
    DELETE FROM labels l USING tweets t WHERE t.tweet_id = l.tweet_id AND t.synthetic;
    DELETE FROM predictions p USING tweets t WHERE t.tweet_id = p.tweet_id AND t.synthetic;
    DELETE FROM tweets WHERE synthetic;
    GET DIAGNOSTICS removed = ROW_COUNT;
    RETURN removed;
END $$
"""
ERASE = """
CREATE OR REPLACE FUNCTION erase_tweets(request bigint, ids bigint[]) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    named bigint[];
    counts jsonb := '{}';
    removed bigint;
BEGIN
    PERFORM FROM erasure_requests WHERE request_id = request AND state = 'erasing' FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'request % is not being erased', request USING ERRCODE = 'check_violation';
    END IF;
    SELECT coalesce(array_agg(tweet_id), '{}') INTO named FROM erasure_targets
        WHERE request_id = request AND tweet_id = ANY(ids);
    DELETE FROM tweets_to_score WHERE tweet_id = ANY(named);
    GET DIAGNOSTICS removed = ROW_COUNT; counts := counts || jsonb_build_object('tweets_to_score', removed);
    DELETE FROM label_picks WHERE tweet_id = ANY(named);
    GET DIAGNOSTICS removed = ROW_COUNT; counts := counts || jsonb_build_object('label_picks', removed);
    DELETE FROM feedback WHERE tweet_id = ANY(named);
    GET DIAGNOSTICS removed = ROW_COUNT; counts := counts || jsonb_build_object('feedback', removed);
    DELETE FROM audit_sample WHERE tweet_id = ANY(named);
    GET DIAGNOSTICS removed = ROW_COUNT; counts := counts || jsonb_build_object('audit_sample', removed);
    DELETE FROM labels WHERE tweet_id = ANY(named);
    GET DIAGNOSTICS removed = ROW_COUNT; counts := counts || jsonb_build_object('labels', removed);
    DELETE FROM predictions WHERE tweet_id = ANY(named);
    GET DIAGNOSTICS removed = ROW_COUNT; counts := counts || jsonb_build_object('predictions', removed);
    -- rescoring goes down from the newest tweet: the next one that it has scored stands for one that goes
    UPDATE rescoring r SET (reached_at, reached_id) = (
        SELECT coalesce(min(n.created_at), r.reached_at), coalesce(min(n.tweet_id), 9223372036854775807) FROM (
            SELECT created_at, tweet_id FROM tweets t
            WHERE (t.created_at, t.tweet_id) > (r.reached_at, r.reached_id) AND t.tweet_id <> ALL(named)
            ORDER BY t.created_at, t.tweet_id LIMIT 1) n)
        WHERE r.reached_id = ANY(named);
    DELETE FROM tweets WHERE tweet_id = ANY(named);
    GET DIAGNOSTICS removed = ROW_COUNT; counts := counts || jsonb_build_object('tweets', removed);
    RETURN counts;
END $$
"""
#: Tables that named a prediction by its number.
DEPENDANTS = ("audit_sample", "feedback", "label_picks")


def upgrade() -> None:
    """Apply. It reads tweets and predictions once, to check the bounds of the first partition."""
    op.execute(FUNCTIONS)
    _name_predictions_by_tweet_and_version()
    op.execute("DROP TRIGGER tweets_queue ON tweets")
    # checked row by row against partitions, a foreign key makes storing predictions several times slower; one that is not
    # enforced is checked all the same whenever a partition is detached
    for table in ("labels", "label_picks", "predictions"):
        op.drop_constraint(f"fk_{table}_tweet_id", table, type_="foreignkey")
    bound = (
        "SELECT first_id_of(date_trunc('month', coalesce(max(greatest(time_of_id(tweet_id), now())), now()), 'UTC') "
        "+ CASE WHEN count(*) = 0 THEN interval '0' ELSE interval '1 month' END, false) FROM "
        f"(SELECT tweet_id FROM tweets WHERE tweet_id < {API_IDS_FROM} ORDER BY tweet_id DESC LIMIT 1) newest"
    )
    api_bound = (
        "SELECT first_id_of(date_trunc('month', greatest(now(), max(time_of_id(tweet_id))), 'UTC') "
        f"+ interval '1 month', true) FROM tweets WHERE tweet_id >= {API_IDS_FROM}"
    )
    upper, api_upper = (int(op.get_bind().exec_driver_sql(query).scalar_one()) for query in (bound, api_bound))
    for table in ("tweets", "predictions"):
        _partition(table, upper, api_upper)
    op.execute(
        "CREATE TRIGGER tweets_queue AFTER INSERT ON tweets REFERENCING NEW TABLE AS added "
        "FOR EACH STATEMENT EXECUTE FUNCTION queue_for_scoring()"
    )
    op.execute(VIEW)
    op.execute(ADD)
    op.execute("REVOKE ALL ON FUNCTION add_partition(bigint) FROM PUBLIC")
    op.execute(REMOVE_SYNTHETIC)
    op.execute(ERASE)


def _name_predictions_by_tweet_and_version() -> None:
    for table in DEPENDANTS:
        picks = table == "label_picks"
        columns = ("model_version",) if picks else ("tweet_id", "model_version")
        op.execute(f"ALTER TABLE {table} {', '.join(f'ADD {column} bigint' for column in columns)}")
        op.execute(
            f"UPDATE {table} d SET {', '.join(f'{column} = p.{column}' for column in columns)} "
            "FROM predictions p WHERE p.prediction_id = d.prediction_id"
        )
        op.execute(
            f"ALTER TABLE {table} {', '.join(f'ALTER {column} SET NOT NULL' for column in columns)}, "
            "DROP COLUMN prediction_id"
        )
    op.create_primary_key("pk_audit_sample", "audit_sample", ["tweet_id", "model_version"])
    op.execute("CREATE INDEX ix_audit_sample_waiting ON audit_sample (tweet_id) WHERE labelled_at IS NULL")
    op.create_unique_constraint(
        "uq_feedback_tweet_id_model_version_given_by", "feedback", ["tweet_id", "model_version", "given_by"]
    )
    op.execute("ALTER TABLE predictions DROP COLUMN prediction_id")


def _partition(table: str, upper: int, api_upper: int) -> None:
    """Make the table the first partition, up to the id `upper`, of a partitioned one of its name.

    Another holds ids of the API up to `api_upper`.
    """
    connection, first = op.get_bind(), f"{table}_first"
    constraints = connection.exec_driver_sql(
        "SELECT conname, contype, pg_get_constraintdef(oid) FROM pg_constraint "
        f"WHERE conrelid = '{table}'::regclass AND contype IN ('p', 'u', 'f') ORDER BY contype DESC, conname"
    ).all()
    indexes = connection.exec_driver_sql(
        f"SELECT c.relname, pg_get_indexdef(i.indexrelid) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
        f"WHERE i.indrelid = '{table}'::regclass ORDER BY c.relname"
    ).all()
    owned = {name for name, _, _ in constraints}
    op.execute(f"ALTER TABLE {table} RENAME TO {first}")
    for name, _ in indexes:
        op.execute(f"ALTER INDEX {name} RENAME TO {name}_first")
    op.execute(
        f"CREATE TABLE {table} (LIKE {first} INCLUDING DEFAULTS INCLUDING CONSTRAINTS) PARTITION BY RANGE (tweet_id)"
    )
    for name, _, definition in constraints:
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}")
    for name, definition in indexes:
        if name not in owned:
            op.execute(definition)
    api = f"{table}_api_first"
    op.execute(f"CREATE TABLE {api} (LIKE {table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)")
    op.execute(f"INSERT INTO {api} SELECT {_columns(table)} FROM {first} WHERE tweet_id >= {API_IDS_FROM}")
    op.execute(f"DELETE FROM {first} WHERE tweet_id >= {API_IDS_FROM}")
    op.execute(f"ALTER TABLE {table} ATTACH PARTITION {first} FOR VALUES FROM (MINVALUE) TO ({upper})")
    op.execute(f"ALTER TABLE {table} ATTACH PARTITION {api} FOR VALUES FROM ({API_IDS_FROM}) TO ({api_upper})")


def _columns(table: str) -> str:
    found = op.get_bind().exec_driver_sql(
        f"SELECT attname FROM pg_attribute WHERE attrelid = '{table}'::regclass AND attnum > 0 AND NOT attisdropped "
        "ORDER BY attnum"
    )
    return ", ".join(found.scalars())
