"""Functions that remove old tweets, and a table of what each run of retention removed and how large things are."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from sentiment_lib.records import API_IDS_FROM

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

# Tweets of a range of ids about which people have said something: they stay with their predictions, since snapshots,
# evidence and measured quality rest on them
NAMED = """
    SELECT tweet_id FROM labels WHERE tweet_id >= {lower} AND tweet_id < {upper}
    UNION SELECT tweet_id FROM feedback WHERE tweet_id >= {lower} AND tweet_id < {upper}
    UNION SELECT tweet_id FROM label_picks WHERE tweet_id >= {lower} AND tweet_id < {upper} AND state = 'labelled'
"""
# The names of the first partitions' tables end in this
HOME = "CASE WHEN {} THEN '_api_first' ELSE '_first' END"
GUARD = """
    IF before > now() - interval '110 days' THEN
        RAISE EXCEPTION 'tweets are kept for 110 days at least' USING ERRCODE = 'invalid_parameter_value';
    END IF;
"""
# What refers to a tweet that goes; what people said keeps its tweet
REFERRING = ("tweets_to_score", "label_picks", "audit_sample")
COUNT = f"""
CREATE FUNCTION count_old_tweets(of_api boolean, before timestamptz) RETURNS TABLE (old bigint, stored bigint)
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp AS $$
DECLARE
    low bigint;
    high bigint;
BEGIN
    SELECT coalesce(p.lower_id, 0), p.upper_id INTO low, high FROM tweet_partitions p
        WHERE p.name = 'tweets' || {HOME.format("of_api")};
    RETURN QUERY SELECT count(*) FILTER (WHERE t.collected_at < before AND n.tweet_id IS NULL), count(*)
        FROM tweets t LEFT JOIN ({NAMED.format(lower="low", upper="high")}) n USING (tweet_id)
        WHERE t.tweet_id >= low AND t.tweet_id < high;
END $$
"""
# Whoever stores a label has read its tweet in the same transaction, so the exclusive lock waits for labels that are being
# stored, and the statements after it see them. Only a lock on the table does that, for a moment
DELETE = f"""
CREATE FUNCTION delete_old_tweets(of_api boolean, before timestamptz, most integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '5s' AS $$
DECLARE
    low bigint;
    high bigint;
    ids bigint[];
BEGIN
    {GUARD}
    LOCK TABLE tweets IN ACCESS EXCLUSIVE MODE;
    SELECT coalesce(p.lower_id, 0), p.upper_id INTO low, high FROM tweet_partitions p
        WHERE p.name = 'tweets' || {HOME.format("of_api")};
    SELECT coalesce(array_agg(tweet_id), '{{}}') INTO ids FROM (
        SELECT t.tweet_id FROM tweets t LEFT JOIN ({NAMED.format(lower="low", upper="high")}) n USING (tweet_id)
        WHERE t.tweet_id >= low AND t.tweet_id < high AND t.collected_at < before AND n.tweet_id IS NULL
        LIMIT most) o;
    {" ".join(f"DELETE FROM {table} WHERE tweet_id = ANY(ids);" for table in (*REFERRING, "predictions", "tweets"))}
    RETURN cardinality(ids);
END $$
"""
# The rows that stay move into the first partition, which then reaches to the end of this one. The first one itself is
# written anew, which gives its space back
REMOVE = f"""
CREATE FUNCTION remove_partition(partition_name text, before timestamptz) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '5s' AS $$
DECLARE
    part record;
    home text;
    parent text;
    names text;
    low bigint;
    stored bigint;
    stays bigint;
BEGIN
    {GUARD}
    LOCK TABLE tweets, predictions IN ACCESS EXCLUSIVE MODE;
    SELECT * INTO part FROM tweet_partitions p WHERE p.name = partition_name;
    home := {HOME.format("part.is_api")};
    low := coalesce(part.lower_id, 0);
    IF part.name IS NULL OR part.name <> 'tweets' || home AND (
        part.upper_id > first_id_of(before, part.is_api)
        OR low <> (SELECT p.upper_id FROM tweet_partitions p WHERE p.name = 'tweets' || home))
    THEN
        RAISE EXCEPTION '% is not the oldest partition, or not old enough', partition_name
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    FOREACH parent IN ARRAY ARRAY['tweets', 'predictions'] LOOP
        SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) INTO names FROM pg_attribute
            WHERE attrelid = parent::regclass AND attnum > 0 AND NOT attisdropped;
        EXECUTE format('ALTER TABLE %I DETACH PARTITION %I', parent, parent || home);
        IF part.name <> 'tweets' || home THEN
            EXECUTE format('ALTER TABLE %I DETACH PARTITION %I', parent, parent || substr(part.name, 7));
        END IF;
        EXECUTE format('ALTER TABLE %I RENAME TO %I', parent || substr(part.name, 7), parent || '_removed');
        EXECUTE format('CREATE TABLE IF NOT EXISTS %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)',
                       parent || home, parent);
        IF parent = 'tweets' THEN
            EXECUTE format('INSERT INTO %I (%s) SELECT %s FROM tweets_removed t LEFT JOIN '
                           '({NAMED.format(lower="$2", upper="$3").replace("'", "''")}) n USING (tweet_id) '
                           'WHERE t.collected_at >= $1 OR n.tweet_id IS NOT NULL', parent || home, names, names)
                USING before, low, part.upper_id;
            GET DIAGNOSTICS stays = ROW_COUNT;
        ELSE
            EXECUTE format('INSERT INTO %I (%s) SELECT %s FROM predictions_removed WHERE tweet_id IN '
                           '(SELECT tweet_id FROM %I)', parent || home, names, names, 'tweets' || home);
        END IF;
    END LOOP;
    SELECT count(*) INTO stored FROM tweets_removed;
    FOREACH parent IN ARRAY ARRAY[{", ".join(f"'{table}'" for table in REFERRING)}] LOOP
        EXECUTE format('DELETE FROM %I d USING tweets_removed r WHERE r.tweet_id = d.tweet_id AND NOT EXISTS '
                       '(SELECT FROM %I t WHERE t.tweet_id = d.tweet_id)', parent, 'tweets' || home);
    END LOOP;
    DROP TABLE tweets_removed, predictions_removed;
    FOREACH parent IN ARRAY ARRAY['tweets', 'predictions'] LOOP
        EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)', parent, parent || home,
                       CASE WHEN part.is_api THEN '{API_IDS_FROM}' ELSE 'MINVALUE' END, part.upper_id);
    END LOOP;
    RETURN stored - stays;
END $$
"""
SIGNATURES = ("delete_old_tweets(boolean, timestamptz, integer)", "remove_partition(text, timestamptz)")


def upgrade() -> None:
    """Apply."""
    for function in (COUNT, DELETE, REMOVE):
        op.execute(function)
    for signature in SIGNATURES:
        op.execute(f"REVOKE ALL ON FUNCTION {signature} FROM PUBLIC")
    op.create_table(
        "retention_runs",
        sa.Column("run_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.Column("removed", postgresql.JSONB(), nullable=False),
        sa.Column("sizes", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_retention_runs")),
    )
