"""The ledger refuses rows without a signature below signed ones, and rows that its readers cannot read."""

from __future__ import annotations

from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.execute(
        """
        CREATE FUNCTION ledger_row_is_readable() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF octet_length(NEW.payload) > 1048576
                OR octet_length(NEW.kind) + octet_length(NEW.entry_hash) + coalesce(octet_length(NEW.signature), 0) > 1000
            THEN
                RAISE EXCEPTION 'ledger row % is too large', NEW.sequence USING ERRCODE = 'check_violation';
            END IF;
            IF json_typeof(NEW.payload::json) <> 'object' THEN
                RAISE EXCEPTION 'the payload of ledger row % is no JSON object', NEW.sequence
                    USING ERRCODE = 'check_violation';
            END IF;
            IF NEW.signature IS NULL AND EXISTS (SELECT FROM public.ledger WHERE signature IS NOT NULL) THEN
                RAISE EXCEPTION 'ledger row % is not signed', NEW.sequence USING ERRCODE = 'check_violation';
            END IF;
            RETURN NEW;
        END $$
        """
    )
    # fires after ledger_in_order: triggers run in the order of their names
    op.execute(
        "CREATE TRIGGER ledger_readable BEFORE INSERT ON ledger FOR EACH ROW EXECUTE FUNCTION ledger_row_is_readable()"
    )
