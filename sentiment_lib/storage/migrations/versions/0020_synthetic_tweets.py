"""Synthetic tweets can be removed: a snapshot counts its own, its rows outlive them, a function deletes the rest."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

COUNT = """
    UPDATE snapshots s SET synthetic_{part} = (
        SELECT count(*) FROM snapshot_rows r JOIN tweets t USING (tweet_id)
        WHERE r.snapshot_id = s.snapshot_id AND r.part = '{part}' AND t.synthetic)
"""
# with the rights of its owner: no role of the platform may delete tweets, and through it only synthetic ones.
# The order follows the foreign keys
REMOVE = """
    CREATE FUNCTION remove_synthetic_tweets() RETURNS bigint
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
        DELETE FROM feedback f USING predictions p JOIN tweets t USING (tweet_id)
            WHERE p.prediction_id = f.prediction_id AND t.synthetic;
        DELETE FROM audit_sample a USING predictions p JOIN tweets t USING (tweet_id)
            WHERE p.prediction_id = a.prediction_id AND t.synthetic;
        DELETE FROM labels l USING tweets t WHERE t.tweet_id = l.tweet_id AND t.synthetic;
        DELETE FROM predictions p USING tweets t WHERE t.tweet_id = p.tweet_id AND t.synthetic;
        DELETE FROM tweets WHERE synthetic;
        GET DIAGNOSTICS removed = ROW_COUNT;
        RETURN removed;
    END $$
"""


def upgrade() -> None:
    """Apply. It reads the tweets once, for an index of the synthetic ones."""
    op.create_index("ix_tweets_synthetic", "tweets", ["tweet_id"], postgresql_where=sa.text("synthetic"))
    for part in ("train", "holdout"):
        op.add_column(
            "snapshots", sa.Column(f"synthetic_{part}", sa.BigInteger(), nullable=False, server_default=sa.text("0"))
        )
        op.execute(COUNT.format(part=part))
    op.drop_constraint("fk_snapshot_rows_tweet_id", "snapshot_rows", type_="foreignkey")
    op.execute(REMOVE)
    op.execute("REVOKE ALL ON FUNCTION remove_synthetic_tweets() FROM PUBLIC")
