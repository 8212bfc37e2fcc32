"""API keys expire, rotate and record their use; predictions of the API belong to a key; a role for labelling.

Predictions made before have no key: only admins can read them through the API.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

ROLES = "roles <@ ARRAY['predict', 'feedback', 'label', 'admin'] AND cardinality(roles) > 0"


def upgrade() -> None:
    """Apply."""
    op.drop_constraint(op.f("ck_api_keys_roles"), "api_keys", type_="check")
    op.create_check_constraint(op.f("ck_api_keys_roles"), "api_keys", ROLES)
    # whoever started the stack keeps the Label page; other keys are granted it by creating them anew
    op.execute(
        "UPDATE api_keys SET roles = roles || ARRAY['label'] "
        "WHERE name = 'local' AND revoked_at IS NULL AND 'feedback' = ANY(roles)"
    )
    op.add_column("api_keys", sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("api_keys", sa.Column("previous_key_hash", sa.LargeBinary(), nullable=True))
    op.add_column("api_keys", sa.Column("previous_expires_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("api_keys", sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("api_keys", sa.Column("use_count", sa.BigInteger(), server_default="0", nullable=False))
    op.create_unique_constraint(op.f("uq_api_keys_previous_key_hash"), "api_keys", ["previous_key_hash"])
    op.create_check_constraint(
        op.f("ck_api_keys_previous"), "api_keys", "(previous_key_hash IS NULL) = (previous_expires_at IS NULL)"
    )
    op.add_column("predictions", sa.Column("api_key_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(
        op.f("fk_predictions_api_key_id_api_keys"), "predictions", "api_keys", ["api_key_id"], ["key_id"]
    )
