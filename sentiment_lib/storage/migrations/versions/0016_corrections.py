"""Label picks of people who have seen the prediction: an answer after undo is a correction."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

KINDS = "kind IN ('audit', 'uncertain', 'disagreement', 'second', 'correction')"
EXCLUSIVE = "kind NOT IN ('second', 'correction') AND state IN ('open', 'labelled')"


def upgrade() -> None:
    """Apply."""
    op.drop_constraint(op.f("ck_label_picks_kind"), "label_picks")
    op.create_check_constraint(op.f("ck_label_picks_kind"), "label_picks", KINDS)
    op.drop_index("uq_label_picks_one_person", "label_picks")
    op.create_index(
        "uq_label_picks_one_person", "label_picks", ["tweet_id"], unique=True, postgresql_where=sa.text(EXCLUSIVE)
    )
