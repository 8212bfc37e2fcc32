"""API keys of a privacy desk: a role of its own, which may ask to forget and nothing else."""

from __future__ import annotations

from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None

ROLES = "roles <@ ARRAY['predict', 'feedback', 'label', 'privacy', 'admin'] AND cardinality(roles) > 0"


def upgrade() -> None:
    """Apply."""
    op.drop_constraint(op.f("ck_api_keys_roles"), "api_keys")
    op.create_check_constraint(op.f("ck_api_keys_roles"), "api_keys", ROLES)
