"""Only the owner of the database says by which policy the stack runs."""

from __future__ import annotations

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.execute(
        """
        CREATE FUNCTION policy_is_the_owners() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF NOT pg_has_role(current_user, (SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'USAGE') THEN
                RAISE EXCEPTION 'only the owner of the ledger appends a row of the policy'
                    USING ERRCODE = 'insufficient_privilege';
            END IF;
            RETURN NEW;
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER ledger_policy BEFORE INSERT ON ledger FOR EACH ROW WHEN (NEW.kind = 'policy') "
        "EXECUTE FUNCTION policy_is_the_owners()"
    )
