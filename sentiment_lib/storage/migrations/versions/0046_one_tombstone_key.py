"""All tombstones are of one key: one of another key would stop every way in."""

from __future__ import annotations

from alembic import op

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.execute("""
        CREATE FUNCTION require_one_tombstone_key() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF (SELECT min(key_id) <> max(key_id) FROM public.tombstones) THEN
                RAISE EXCEPTION 'the tombstones are of another key' USING ERRCODE = 'check_violation';
            END IF;
            RETURN NULL;
        END $$
    """)
    op.execute(
        "CREATE TRIGGER tombstones_of_one_key AFTER INSERT ON tombstones FOR EACH STATEMENT "
        "EXECUTE FUNCTION require_one_tombstone_key()"
    )
