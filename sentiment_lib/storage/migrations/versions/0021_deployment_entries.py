"""Roles without the ledger see its rows of deployments, whose signatures say which version is the champion."""

from __future__ import annotations

from alembic import op

from sentiment_lib.storage import signed_moves

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

KINDS = ("first", "bootstrap", "promotion", "forced", "rollback", "restored", "adopted")


def upgrade() -> None:
    """Apply."""
    op.create_index("ix_ledger_kind", "ledger", ["kind", "sequence"])
    kinds = ", ".join(f"'{kind}.{state}'" for kind in KINDS for state in ("intent", "done", "undone"))
    op.execute(
        "CREATE VIEW deployment_entries WITH (security_barrier) AS "
        "SELECT sequence, kind, payload, previous_hash, entry_hash, recorded_at, signature FROM ledger "
        f"WHERE kind IN ({kinds})"
    )
    signed_moves.restate(op.get_bind())
