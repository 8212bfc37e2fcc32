"""Columns named after what they hold; what is queried of a drift report's details has columns of its own.

Ledger rows stay as they were recorded: their payloads are hashed, so they keep the old keys and the old kind "first",
and `audit` compares them with the renamed columns by mapping.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

#: (table, old column, new column)
COLUMNS = (
    ("decisions", "answer", "verdict"),
    ("approvals", "answer", "response"),
    ("label_picks", "answer", "label"),
    ("audit_sample", "settled_at", "labelled_at"),
    ("retrain_requests", "handled_by", "run_id"),
)
#: (table, old constraint, new constraint); their expressions follow the columns by themselves
CONSTRAINTS = (
    ("decisions", "ck_decisions_answer", "ck_decisions_verdict"),
    ("approvals", "ck_approvals_answer", "ck_approvals_response"),
    ("label_picks", "ck_label_picks_answer", "ck_label_picks_label"),
    ("label_picks", "ck_label_picks_answered", "ck_label_picks_labelled"),
)
KINDS = "kind IN ('bootstrap', 'promotion', 'forced', 'rollback', 'restored', 'adopted')"


def upgrade() -> None:
    """Apply."""
    for table, old, new in COLUMNS:
        op.alter_column(table, old, new_column_name=new)
    for table, old, new in CONSTRAINTS:
        op.execute(f"ALTER TABLE {table} RENAME CONSTRAINT {old} TO {new}")
    op.drop_constraint(op.f("ck_deployments_kind"), "deployments", type_="check")
    op.drop_constraint(op.f("ck_deployments_reason"), "deployments", type_="check")
    op.execute("UPDATE deployments SET kind = 'bootstrap' WHERE kind = 'first'")
    op.create_check_constraint(op.f("ck_deployments_kind"), "deployments", KINDS)
    op.create_check_constraint(
        op.f("ck_deployments_reason"), "deployments", "kind IN ('bootstrap', 'promotion') OR length(reason) > 0"
    )
    op.add_column("drift_reports", sa.Column("severity", sa.Text(), nullable=True))
    op.add_column(
        "drift_reports", sa.Column("wants_retrain", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    op.add_column("drift_reports", sa.Column("loss", sa.Double(), nullable=True))
    op.add_column("drift_reports", sa.Column("continuous", postgresql.JSONB(none_as_null=True), nullable=True))
    op.execute(
        """
        UPDATE drift_reports SET severity = details ->> 'severity',
               wants_retrain = coalesce((details ->> 'wants_retrain')::boolean, false),
               loss = (details ->> 'loss')::double precision,
               continuous = nullif(details -> 'continuous', 'null'::jsonb),
               details = details - ARRAY['severity', 'wants_retrain', 'loss', 'continuous']
        """
    )
    op.create_check_constraint(
        op.f("ck_drift_reports_severity"), "drift_reports", "severity IN ('warning', 'critical')"
    )
