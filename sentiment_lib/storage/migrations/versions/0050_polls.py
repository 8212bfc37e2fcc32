"""What each poll of a metered source read, and the share that it sampled."""

from __future__ import annotations

from alembic import op

revision = "0050"
down_revision = "0049"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.execute(
        """
        CREATE TABLE polls (
            poll_id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_polls PRIMARY KEY,
            ingest_id bigint NOT NULL CONSTRAINT uq_polls_ingest_id UNIQUE
                CONSTRAINT fk_polls_ingest_id_ingests REFERENCES ingests (ingest_id),
            source text NOT NULL,
            polled_at timestamptz NOT NULL CONSTRAINT ck_polls_polled_at_in_calendar CHECK (
                isfinite(polled_at) AND polled_at >= '0001-01-01 00:00+00' AND polled_at <= '9999-12-31 00:00+00'),
            reads bigint NOT NULL CONSTRAINT ck_polls_reads CHECK (reads >= 0),
            share double precision NOT NULL CONSTRAINT ck_polls_share CHECK (share > 0 AND share <= 1),
            read_from timestamptz NOT NULL CONSTRAINT ck_polls_read_from_in_calendar CHECK (
                isfinite(read_from) AND read_from >= '0001-01-01 00:00+00' AND read_from <= '9999-12-31 00:00+00'),
            read_until timestamptz NOT NULL CONSTRAINT ck_polls_read_until_in_calendar CHECK (
                isfinite(read_until) AND read_until >= '0001-01-01 00:00+00' AND read_until <= '9999-12-31 00:00+00'),
            refusal text,
            CONSTRAINT ck_polls_period CHECK (read_from <= read_until)
        )
        """
    )
    op.execute("CREATE INDEX ix_polls_source_polled_at ON polls (source, polled_at)")
