"""A revoked person token or API key stays revoked, whoever updates its row."""

from __future__ import annotations

from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.execute(
        """
        CREATE FUNCTION revocation_stands() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF OLD.revoked_at IS NOT NULL THEN
                RAISE EXCEPTION 'row of % is revoked, and a revocation is never undone', TG_TABLE_NAME
                    USING ERRCODE = 'check_violation';
            END IF;
            RETURN NEW;
        END $$
        """
    )
    columns = {
        "person_tokens": "revoked_at, token_hash, expires_at",
        "api_keys": "revoked_at, key_hash, previous_key_hash, previous_expires_at, expires_at",
    }
    for table, changed in columns.items():
        op.execute(
            f"CREATE TRIGGER {table}_stay_revoked BEFORE UPDATE OF {changed} ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION revocation_stands()"
        )
