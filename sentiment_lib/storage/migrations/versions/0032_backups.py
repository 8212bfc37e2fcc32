"""Completed backups, and what their restore drills found."""

from __future__ import annotations

from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.execute(
        """
        CREATE TABLE backups (
            backup_id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_backups PRIMARY KEY,
            name text NOT NULL CONSTRAINT uq_backups_name UNIQUE,
            as_of timestamptz NOT NULL,
            finished_at timestamptz NOT NULL,
            size_bytes bigint NOT NULL,
            manifest_hash text NOT NULL,
            drilled_at timestamptz,
            drill_seconds double precision,
            drill_problem text
        )
        """
    )
    op.execute("CREATE INDEX ix_backups_as_of ON backups (as_of)")
