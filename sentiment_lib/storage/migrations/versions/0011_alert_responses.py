"""People's responses to alerts: comments, and whether the alarm was real."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "alert_responses",
        sa.Column("response_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("alert_id", sa.BigInteger(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=True),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("given_by", sa.Text(), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("action IN ('acknowledge', 'resolve', 'comment')", name=op.f("ck_alert_responses_action")),
        sa.CheckConstraint("verdict IN ('real', 'false_alarm')", name=op.f("ck_alert_responses_verdict")),
        sa.ForeignKeyConstraint(["alert_id"], ["alerts.alert_id"], name=op.f("fk_alert_responses_alert_id")),
        sa.PrimaryKeyConstraint("response_id", name=op.f("pk_alert_responses")),
    )
    op.create_index(op.f("ix_alert_responses_alert_id"), "alert_responses", ["alert_id"])
