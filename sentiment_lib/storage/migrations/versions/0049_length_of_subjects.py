"""The author of a request to forget is named in so many characters as a name may have: every place is searched for it.

The check counts for requests that are stored from here on.
"""

from __future__ import annotations

from alembic import op

revision = "0049"
down_revision = "0048"
branch_labels = None
depends_on = None

LONGEST = 200


def upgrade() -> None:
    """Apply."""
    # no author has such a name; the tweets that the request names are erased without it
    op.execute(f"UPDATE erasure_requests SET subject = NULL WHERE length(subject ->> 'author') > {LONGEST}")
    op.execute(
        "ALTER TABLE erasure_requests ADD CONSTRAINT ck_erasure_requests_subject_length "
        f"CHECK (length(subject ->> 'author') <= {LONGEST}) NOT VALID"
    )
