"""Requests to forget, tombstones of what was forgotten, and a function that erases tweets of an open request alone."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

NOW = sa.text("now()")
NONE = sa.text("'{}'::jsonb")
# with the rights of its owner: no role of the platform may delete tweets, and through it only those that an open
# request names. The order follows the foreign keys; what refers to a tweet without one is erased as well
ERASE = """
    CREATE FUNCTION erase_tweets(request bigint, ids bigint[]) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    DECLARE
        named bigint[];
        scored bigint[];
        counts jsonb := '{}';
        removed bigint;
    BEGIN
        PERFORM FROM erasure_requests WHERE request_id = request AND state = 'erasing' FOR UPDATE;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'request % is not being erased', request USING ERRCODE = 'check_violation';
        END IF;
        SELECT coalesce(array_agg(tweet_id), '{}') INTO named FROM erasure_targets
            WHERE request_id = request AND tweet_id = ANY(ids);
        SELECT coalesce(array_agg(prediction_id), '{}') INTO scored FROM predictions WHERE tweet_id = ANY(named);
        DELETE FROM tweets_to_score WHERE tweet_id = ANY(named);
        GET DIAGNOSTICS removed = ROW_COUNT; counts := counts || jsonb_build_object('tweets_to_score', removed);
        DELETE FROM label_picks WHERE tweet_id = ANY(named);
        GET DIAGNOSTICS removed = ROW_COUNT; counts := counts || jsonb_build_object('label_picks', removed);
        DELETE FROM feedback WHERE prediction_id = ANY(scored);
        GET DIAGNOSTICS removed = ROW_COUNT; counts := counts || jsonb_build_object('feedback', removed);
        DELETE FROM audit_sample WHERE prediction_id = ANY(scored);
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
# columns that hold words of tweets in a row that stays
WORDS = """
    CREATE FUNCTION erase_words(request bigint, of_table text, key bigint, changed jsonb) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    BEGIN
        PERFORM FROM erasure_requests WHERE request_id = request AND state = 'erasing' FOR UPDATE;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'request % is not being erased', request USING ERRCODE = 'check_violation';
        END IF;
        IF of_table = 'drift_reports' THEN
            UPDATE drift_reports SET signals = changed -> 'signals', details = changed -> 'details',
                html_path = changed ->> 'html_path' WHERE report_id = key;
        ELSIF of_table = 'alerts' THEN
            UPDATE alerts SET title = changed ->> 'title', body = changed ->> 'body' WHERE alert_id = key;
        ELSIF of_table = 'alert_responses' THEN
            UPDATE alert_responses SET comment = changed ->> 'comment' WHERE response_id = key;
        ELSIF of_table = 'ingests' THEN
            UPDATE ingests SET input_digest = changed ->> 'input_digest' WHERE ingest_id = key;
        ELSE
            RAISE EXCEPTION 'table % holds no words', of_table USING ERRCODE = 'check_violation';
        END IF;
    END $$
"""


def upgrade() -> None:
    """Apply."""
    op.add_column("ingests", sa.Column("forgotten", sa.BigInteger(), nullable=False, server_default="0"))
    op.drop_constraint(op.f("ck_ingests_adds_up"), "ingests")
    op.create_check_constraint(
        op.f("ck_ingests_adds_up"), "ingests", "received = stored + duplicate + quarantined + forgotten"
    )
    op.execute("INSERT INTO label_locks (name) VALUES ('erasure') ON CONFLICT DO NOTHING")
    _requests()
    op.create_table(
        "erasure_targets",
        sa.Column("request_id", sa.BigInteger(), nullable=False),
        sa.Column("tweet_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["request_id"], ["erasure_requests.request_id"], name=op.f("fk_erasure_targets_request_id")
        ),
        sa.PrimaryKeyConstraint("request_id", "tweet_id", name=op.f("pk_erasure_targets")),
    )
    op.create_table(
        "tombstones",
        sa.Column("hash", postgresql.BYTEA(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("request_id", sa.BigInteger(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.CheckConstraint("kind IN ('tweet', 'author')", name=op.f("ck_tombstones_kind")),
        sa.CheckConstraint("length(hash) = 32", name=op.f("ck_tombstones_hash_length")),
        sa.ForeignKeyConstraint(["request_id"], ["erasure_requests.request_id"], name=op.f("fk_tombstones_request_id")),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_tombstones")),
    )
    op.create_index(op.f("ix_tombstones_key_id"), "tombstones", ["key_id"])
    op.create_index(op.f("ix_tombstones_request_id"), "tombstones", ["request_id"])
    _versions_and_exports()
    for function in (ERASE, WORDS):
        op.execute(function)
    op.execute("REVOKE ALL ON FUNCTION erase_tweets(bigint, bigint[]) FROM PUBLIC")
    op.execute("REVOKE ALL ON FUNCTION erase_words(bigint, text, bigint, jsonb) FROM PUBLIC")


def _requests() -> None:
    op.create_table(
        "erasure_requests",
        sa.Column("request_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="received", nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("erased_at", sa.DateTime(timezone=True)),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.Column("named", sa.BigInteger(), nullable=False),
        sa.Column("reasons", postgresql.JSONB(), server_default=NONE, nullable=False),
        sa.Column("subject", postgresql.JSONB()),
        sa.Column("counts", postgresql.JSONB(), server_default=NONE, nullable=False),
        sa.CheckConstraint("kind IN ('tweets', 'author', 'age', 'compliance')", name=op.f("ck_erasure_requests_kind")),
        sa.CheckConstraint(
            "state IN ('received', 'erasing', 'models', 'done')", name=op.f("ck_erasure_requests_state")
        ),
        sa.CheckConstraint(
            "(state IN ('models', 'done')) = (erased_at IS NOT NULL)", name=op.f("ck_erasure_requests_erased")
        ),
        sa.CheckConstraint("(state = 'done') = (finished_at IS NOT NULL)", name=op.f("ck_erasure_requests_finished")),
        sa.CheckConstraint("erased_at IS NULL OR subject IS NULL", name=op.f("ck_erasure_requests_subject")),
        sa.PrimaryKeyConstraint("request_id", name=op.f("pk_erasure_requests")),
    )
    op.create_index(
        "ix_erasure_requests_open", "erasure_requests", ["due_at"], postgresql_where=sa.text("state <> 'done'")
    )


def _versions_and_exports() -> None:
    op.create_table(
        "version_erasures",
        sa.Column("request_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("relation", sa.Text(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("replacement", sa.BigInteger()),
        sa.Column("exact", sa.Boolean()),
        sa.Column("erased_at", sa.DateTime(timezone=True)),
        sa.CheckConstraint(
            "relation IN ('trained', 'inherited', 'unlabelled')", name=op.f("ck_version_erasures_relation")
        ),
        sa.ForeignKeyConstraint(
            ["request_id"], ["erasure_requests.request_id"], name=op.f("fk_version_erasures_request_id")
        ),
        sa.ForeignKeyConstraint(["version"], ["model_versions.version"], name=op.f("fk_version_erasures_version")),
        sa.ForeignKeyConstraint(
            ["replacement"], ["model_versions.version"], name=op.f("fk_version_erasures_replacement")
        ),
        sa.PrimaryKeyConstraint("request_id", "version", name=op.f("pk_version_erasures")),
    )
    op.create_table(
        "exports",
        sa.Column("export_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("path", sa.Text()),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.Column("written_by", sa.Text(), nullable=False),
        sa.Column("last_read_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("export_id", name=op.f("pk_exports")),
    )
