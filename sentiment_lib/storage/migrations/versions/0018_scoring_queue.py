"""Tweets that wait for the champion's prediction in a queue of their own, and how far a new champion has rescored."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sentiment_lib.records import API_IDS_FROM

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "tweets_to_score",
        sa.Column("tweet_id", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("collected_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.PrimaryKeyConstraint("tweet_id", name=op.f("pk_tweets_to_score")),
    )
    # the queue is filled and emptied all the time: its dead rows must go early
    op.execute("ALTER TABLE tweets_to_score SET (autovacuum_vacuum_scale_factor = 0.01)")
    op.create_table(
        "rescoring",
        sa.Column("deployment_id", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("newest", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reached_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reached_id", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("deployment_id", name=op.f("pk_rescoring")),
        sa.ForeignKeyConstraint(
            ["deployment_id"], ["deployments.deployment_id"], name=op.f("fk_rescoring_deployment_id")
        ),
    )
    _queue_new_tweets()
    op.execute(
        f"""
        INSERT INTO tweets_to_score SELECT tweet_id, collected_at FROM tweets t WHERE tweet_id < {API_IDS_FROM}
        AND NOT EXISTS (SELECT FROM predictions p WHERE p.tweet_id = t.tweet_id AND p.model_version IN
                        (SELECT to_version FROM deployments WHERE state = 'done'))
        """
    )
    _index_what_alerts_read()


def _queue_new_tweets() -> None:
    """One trigger for each statement: COPY of any number of rows queues them by one more statement."""
    # a temporary table of the same name must not stand in for the queue, hence the schema
    op.execute(
        f"""
        CREATE FUNCTION queue_for_scoring() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO public.tweets_to_score (tweet_id, collected_at)
            SELECT tweet_id, collected_at FROM added WHERE tweet_id < {API_IDS_FROM} ON CONFLICT DO NOTHING;
            RETURN NULL;
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER tweets_queue AFTER INSERT ON tweets REFERENCING NEW TABLE AS added "
        "FOR EACH STATEMENT EXECUTE FUNCTION queue_for_scoring()"
    )


def _index_what_alerts_read() -> None:
    op.create_index(
        "ix_audit_sample_labelled",
        "audit_sample",
        ["labelled_at"],
        postgresql_where=sa.text("labelled_at IS NOT NULL"),
    )
    op.create_index(
        "ix_ingests_last_collected",
        "ingests",
        [sa.text("coalesce(finished_at, started_at)")],
        postgresql_where=sa.text("source <> 'api' AND stored > 0"),
    )
    # drawn again by a later champion, after people had labelled the tweet
    op.execute(
        """
        UPDATE audit_sample a SET labelled_at = l.stored_at
        FROM predictions p, (SELECT tweet_id, min(stored_at) AS stored_at FROM labels WHERE source = 'audit'
                             GROUP BY tweet_id) l
        WHERE p.prediction_id = a.prediction_id AND l.tweet_id = p.tweet_id AND a.labelled_at IS NULL
        """
    )
