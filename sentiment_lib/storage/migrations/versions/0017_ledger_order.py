"""The ledger refuses rows that do not follow its last one: no role can occupy its numbers or its times."""

from __future__ import annotations

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    # a temporary table of the name ledger must not stand in for it, hence the schema
    op.execute(
        """
        CREATE FUNCTION ledger_keeps_order() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            newest record;
        BEGIN
            SELECT sequence, entry_hash, recorded_at INTO newest
            FROM public.ledger ORDER BY sequence DESC LIMIT 1;
            IF NEW.sequence <> coalesce(newest.sequence, 0) + 1
                OR NEW.previous_hash <> coalesce(newest.entry_hash, repeat('0', 64))
                OR NEW.recorded_at < newest.recorded_at
                OR NEW.recorded_at < clock_timestamp() - interval '5 minutes'
                OR NEW.recorded_at > greatest(clock_timestamp() + interval '5 minutes', newest.recorded_at)
            THEN
                RAISE EXCEPTION 'ledger row % does not follow row %, or is dated % at %',
                    NEW.sequence, coalesce(newest.sequence, 0), NEW.recorded_at, clock_timestamp()
                    USING ERRCODE = 'check_violation', HINT = 'compare the clocks of both machines';
            END IF;
            RETURN NEW;
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER ledger_in_order BEFORE INSERT ON ledger FOR EACH ROW EXECUTE FUNCTION ledger_keeps_order()"
    )
