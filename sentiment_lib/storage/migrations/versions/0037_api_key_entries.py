"""The ledger has each API key, and the API, which may not read the ledger, sees these rows."""

from __future__ import annotations

from alembic import op

from sentiment_lib.storage import api_keys

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply. Keys that exist are believed as they are."""
    op.execute(
        "CREATE VIEW api_key_entries WITH (security_barrier) AS "
        "SELECT sequence, kind, payload, previous_hash, entry_hash, recorded_at, signature FROM ledger "
        "WHERE kind = 'api_key'"
    )
    api_keys.record_all(op.get_bind())
