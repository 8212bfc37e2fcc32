"""What the API's role may store: texts sent to the API and their predictions, and labels by people who have a key."""

from __future__ import annotations

from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

#: Where ids of texts that were sent to the API begin.
API_IDS_FROM = 8_000_000_000_000_000_000
LABELS = "('audit', 'person', 'feedback')"
#: Trigger: (table, events, condition beside the role, function). After the row and with a condition, so that what
#: others store costs no call and is stored in batches.
TRIGGERS = {
    "tweets_of_the_api": ("tweets", "INSERT", f"NEW.tweet_id < {API_IDS_FROM}", "refuse_row_of_the_api"),
    "predictions_of_the_api": ("predictions", "INSERT", f"NEW.tweet_id < {API_IDS_FROM}", "refuse_row_of_the_api"),
    "ingests_of_the_api": ("ingests", "INSERT OR UPDATE", "NEW.source <> 'api'", "refuse_row_of_the_api"),
    "labels_of_the_api": ("labels", "INSERT OR UPDATE", f"NEW.source NOT IN {LABELS}", "refuse_row_of_the_api"),
    "labels_removed_by_the_api": ("labels", "DELETE", f"OLD.source NOT IN {LABELS}", "refuse_row_of_the_api"),
    "labels_of_people_with_a_key": ("labels", "INSERT", "true", "require_key_of_labeller"),
    "audited_by_the_api": (
        "audit_sample",
        "UPDATE",
        "NEW.labelled_at IS NOT NULL AND OLD.labelled_at IS NULL",
        "require_audit_label",
    ),
}
REFUSE = "RAISE EXCEPTION 'the API stores no such row in %', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';"
FUNCTIONS = {
    "refuse_row_of_the_api": REFUSE,
    "require_key_of_labeller": f"""
        IF NOT EXISTS (SELECT FROM public.api_keys WHERE name = NEW.labelled_by) THEN {REFUSE} END IF;
    """,
    "require_audit_label": f"""
        IF NOT EXISTS (SELECT FROM public.labels WHERE tweet_id = NEW.tweet_id AND source = 'audit') THEN
            {REFUSE}
        END IF;
    """,
}


def upgrade() -> None:
    """Apply."""
    for name, body in FUNCTIONS.items():
        op.execute(f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} RETURN NULL; END $$")
    for name, (table, events, condition, function) in TRIGGERS.items():
        op.execute(
            f"CREATE TRIGGER {name} AFTER {events} ON {table} FOR EACH ROW "
            f"WHEN (current_user = 'sentiment_api' AND {condition}) EXECUTE FUNCTION {function}()"
        )
