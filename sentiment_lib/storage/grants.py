"""Database roles by duty, and what each may do with each table: the only place where rights are given.

The owner of the tables migrates and is used for nothing else. Where the roles exist, `apply` gives each exactly the
rights of GRANTS. A database without them works as well: its one role has all rights.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from sqlalchemy import Connection, text

#: Steps, DAGs, alerts and the command line.
APP = "sentiment_app"
#: The prediction API: predictions, feedback, labels and the use of keys.
API = "sentiment_api"
#: The console, and people who look: reads; writes alerts, the responses to them, and feedback.
CONSOLE = "sentiment_console"
ROLES = (APP, API, CONSOLE)
#: Backups: reads every database of the server, by Postgres' own role pg_read_all_data, and writes nothing.
BACKUP = "sentiment_backup"

#: Time limits of sessions that set none themselves, such as psql: Postgres' parameters by role.
SESSION_LIMITS: Mapping[str, Mapping[str, str]] = {
    role: {"statement_timeout": "30s", "lock_timeout": "5s", "idle_in_transaction_session_timeout": "60s"}
    for role in (API, CONSOLE)
}

Rights = tuple[str, ...]
_READ: Rights = ("SELECT",)
_APPEND: Rights = ("SELECT", "INSERT")
#: Facts of the ledger and what they rest on: no role but the owner may change or delete them.
_FACTS = MappingProxyType({APP: _APPEND, CONSOLE: _READ})
_COUNTS = "UPDATE (finished_at, received, stored, duplicate, quarantined, forgotten)"
#: an alert stays of its kind and about its subject
_ALERT = (
    "UPDATE (count, last_seen_at, title, body, evidence_link, severity, acknowledged_by, acknowledged_at, "
    "resolved_by, resolved_at)"
)
_LABEL = "UPDATE (labelled_at, stored_at, confidence, inclusion_probability)"
_PICK = "UPDATE (state, label, label_id, finished_at, handed_at, kind, inclusion_probability, first_pick, wants_second)"

#: Rights by table and role. UPDATE names its columns. No role may truncate, make triggers or define tables. Those on
#: tweets and predictions cover every partition, which no role may use by its own name.
GRANTS: Mapping[str, Mapping[str, Rights]] = {
    "ledger": _FACTS,
    # the API refuses to undo a label that a snapshot contains, and says when the champion learned from synthetic tweets
    "snapshots": {**_FACTS, API: ("SELECT (snapshot_id, created_at, synthetic_train, synthetic_holdout)",)},
    "evaluations": _FACTS,
    "decisions": _FACTS,
    "approvals": _FACTS,
    "drift_reports": _FACTS,
    "drift_outcomes": _FACTS,
    "quarantine": {APP: (*_APPEND, "DELETE"), CONSOLE: _READ},
    # salts are for who freezes and verifies; others read the view
    "snapshot_chunks": {APP: _APPEND},
    "frozen_rows": {APP: _APPEND},
    "chunk_rows": {APP: _APPEND},
    "snapshot_contents": {APP: _APPEND},
    "chunks_to_rewrite": {APP: ("SELECT", "DELETE")},
    # the triggers on labels and picks insert with the rights of who changes them
    "label_changes": {APP: (*_APPEND, "DELETE"), API: ("INSERT",)},
    # what a snapshot of this moment would hold follows from the labels
    **dict.fromkeys(
        ("labelled_tweets", "text_prints", "near_copies", "labelled_chunks", "labelled_state"),
        MappingProxyType({APP: (*_APPEND, "UPDATE", "DELETE")}),
    ),
    "model_versions": {APP: _APPEND, API: _READ, CONSOLE: _READ},
    "deployments": {APP: (*_APPEND, "UPDATE (state, finished_at)"), API: _READ, CONSOLE: _READ},
    "tweets": {APP: _APPEND, API: _APPEND, CONSOLE: _READ},
    "predictions": {APP: _APPEND, API: _APPEND, CONSOLE: _READ},
    # the trigger on tweets inserts with the rights of who stores the tweets
    "tweets_to_score": {APP: (*_APPEND, "DELETE"), API: ("INSERT",), CONSOLE: _READ},
    "shadow_progress": {APP: (*_APPEND, "UPDATE (champion, since, share, reached_at)"), CONSOLE: _READ},
    "rescoring": {APP: (*_APPEND, "UPDATE (reached_at, reached_id)"), CONSOLE: _READ},
    "ingests": {APP: (*_APPEND, _COUNTS), API: (*_APPEND, _COUNTS), CONSOLE: _READ},
    "labels": {APP: (*_APPEND, _LABEL, "DELETE"), API: (*_APPEND, _LABEL, "DELETE"), CONSOLE: _READ},
    # a correction on the tweet's page is feedback; its label is stored by the APP role
    "feedback": {
        APP: _READ,
        API: (*_APPEND, "UPDATE (label, given_at)"),
        CONSOLE: (*_APPEND, "UPDATE (label, given_at)"),
    },
    "label_picks": {APP: (*_APPEND, _PICK, "DELETE"), API: (*_APPEND, _PICK, "DELETE"), CONSOLE: _READ},
    "audit_sample": {
        APP: (*_APPEND, "UPDATE (labelled_at)"),
        API: ("SELECT", "UPDATE (labelled_at)"),
        CONSOLE: _READ,
    },
    "sentiment_days": {APP: (*_APPEND, "UPDATE"), CONSOLE: _READ},
    "quality_days": {APP: (*_APPEND, "UPDATE"), CONSOLE: _READ},
    "alerts": {
        APP: (*_APPEND, "UPDATE"),
        # Airflow's web server, which contains the console, opens the alert of a run that a person marks as failed
        CONSOLE: (*_APPEND, _ALERT),
    },
    "alert_responses": {APP: _APPEND, CONSOLE: _APPEND},
    "alert_messages": {APP: (*_APPEND, "UPDATE", "DELETE"), CONSOLE: _READ},
    "retention_runs": {APP: (*_APPEND, "DELETE"), API: _READ, CONSOLE: _READ},
    "retrain_requests": {APP: (*_APPEND, "UPDATE (run_id)"), CONSOLE: _READ},
    "person_tokens": {APP: (*_APPEND, "UPDATE (revoked_at)")},
    "api_keys": {
        APP: (*_APPEND, "UPDATE (key_hash, expires_at, previous_key_hash, previous_expires_at, revoked_at)"),
        API: ("SELECT", "UPDATE (use_count, last_used_at)"),
    },
    "backups": {APP: (*_APPEND, "UPDATE (drilled_at, drill_seconds, drill_problem)"), CONSOLE: _READ},
    "polls": {APP: _APPEND, CONSOLE: _READ},
    "heartbeats": {APP: (*_APPEND, "UPDATE (beat_at)"), CONSOLE: _READ},
    # a row can be locked by who may update it
    "step_locks": {APP: ("SELECT", "UPDATE (lockable)")},
    "label_locks": {APP: ("SELECT", "UPDATE (lockable)"), API: ("SELECT", "UPDATE (lockable)")},
    # the privacy desk asks through the API
    "erasure_requests": {
        APP: (*_APPEND, "UPDATE (state, erased_at, finished_at, subject, counts, named)"),
        API: ("SELECT", "INSERT (kind, requested_by, due_at, named, reasons, subject)"),
        CONSOLE: _READ,
    },
    "erasure_targets": {APP: (*_APPEND, "DELETE"), API: ("INSERT",)},
    # undelete takes a tombstone away
    "tombstones": {APP: (*_APPEND, "DELETE"), API: _APPEND, CONSOLE: _READ},
    "version_erasures": {
        API: ("SELECT (version, erased_at)",),
        APP: (*_APPEND, "UPDATE (due_at, retrain, replacement, exact, erased_at)"),
        CONSOLE: _READ,
    },
    "exports": {APP: (*_APPEND, "UPDATE (rows, last_read_at)"), CONSOLE: _APPEND},
    "alembic_version": {APP: _READ, API: _READ, CONSOLE: _READ},
}
#: Functions that run with the rights of their owner, and who may call them.
EXECUTE = (
    ("remove_synthetic_tweets()", APP),
    ("erase_tweets(bigint, bigint[])", APP),
    ("erase_frozen_rows(bigint, bigint[])", APP),
    ("replace_whole_rows(bigint, bigint[])", APP),
    ("erase_words(bigint, text, bigint, jsonb)", APP),
    ("add_partition(bigint)", APP),
    ("add_partition(bigint)", API),
    ("delete_old_tweets(boolean, timestamptz, integer)", APP),
    ("remove_partition(text, timestamptz)", APP),
)
#: Views, which show rows of tables that a role may not read: of the ledger, those of deployments, for the champion, and
#: those of API keys; of frozen rows all but the salts; of the catalogue, the partitions.
VIEWS: Mapping[str, Mapping[str, Rights]] = {
    "deployment_entries": {APP: _READ, API: _READ, CONSOLE: _READ},
    "api_key_entries": {APP: _READ, API: _READ},
    "snapshot_rows": {APP: _READ, API: _READ, CONSOLE: _READ},
    "tweet_partitions": {APP: _READ, API: _READ, CONSOLE: _READ},
}


def apply(connection: Connection) -> tuple[str, ...]:
    """Give the roles that exist the rights of GRANTS, and take away every other; returns these roles. Idempotent.

    The connection is the owner's. A table without an entry is the owner's alone.
    """
    existing = connection.execute(
        text("SELECT rolname FROM pg_roles WHERE rolname = ANY(:roles)"), {"roles": list(ROLES)}
    )
    roles = tuple(sorted(existing.scalars()))
    if not roles:
        return roles
    names = ", ".join(roles)
    database = connection.dialect.identifier_preparer.quote(str(connection.scalar(text("SELECT current_database()"))))
    connection.exec_driver_sql(f"REVOKE ALL ON DATABASE {database} FROM PUBLIC, {names}")
    connection.exec_driver_sql(f"GRANT CONNECT ON DATABASE {database} TO {names}")
    if APP in roles:  # bulk writes go through temporary tables
        connection.exec_driver_sql(f"GRANT TEMPORARY ON DATABASE {database} TO {APP}")
    if connection.scalar(text("SELECT true FROM pg_roles WHERE rolname = :role"), {"role": BACKUP}):
        connection.exec_driver_sql(f"GRANT CONNECT ON DATABASE {database} TO {BACKUP}")
    connection.exec_driver_sql(f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {names}")
    connection.exec_driver_sql("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    connection.exec_driver_sql(f"GRANT USAGE ON SCHEMA public TO {names}")
    for function, role in EXECUTE:
        if role in roles and connection.scalar(text("SELECT to_regprocedure(:name)"), {"name": function}):
            connection.exec_driver_sql(f"GRANT EXECUTE ON FUNCTION {function} TO {role}")
    inserted = _columns_beside_ids(connection)
    for table in tables(connection):
        for role, rights in GRANTS.get(table, {}).items():
            if role in roles:
                given = (
                    f"INSERT ({inserted[table]})" if right == "INSERT" and table in inserted else right
                    for right in rights
                )
                connection.exec_driver_sql(f"GRANT {', '.join(given)} ON {table} TO {role}")
    _let_rewrite(connection, roles)
    for view, readers in VIEWS.items():
        for role, rights in readers.items():
            if role in roles:
                connection.exec_driver_sql(f"GRANT {', '.join(rights)} ON {view} TO {role}")
    return roles


def _columns_beside_ids(connection: Connection) -> dict[str, str]:
    """Columns of the tables whose ids the database alone gives: a role that gave one could use up those to come."""
    rows = connection.execute(
        text(
            "SELECT c.relname, string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) "
            "  FILTER (WHERE a.attidentity <> 'a') AS columns "
            "FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped "
            "WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition "
            "GROUP BY c.relname HAVING bool_or(a.attidentity = 'a')"
        )
    )
    return {name: columns for name, columns in rows if columns}


def _let_rewrite(connection: Connection, roles: tuple[str, ...]) -> None:
    """Let steps rewrite tables that lost rows, and partitions that are made later; this reads and changes no row.

    Postgres 17 has such a right; before it, only the owner can.
    """
    if APP in roles and connection.scalar(text("SELECT current_setting('server_version_num')::int >= 170000")):
        connection.exec_driver_sql(f"GRANT MAINTAIN ON ALL TABLES IN SCHEMA public TO {APP}")
        connection.exec_driver_sql(f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT MAINTAIN ON TABLES TO {APP}")


def tables(connection: Connection) -> list[str]:
    """Names of the tables of the schema, without those that are partitions, in order."""
    query = (
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') "
        "AND NOT relispartition ORDER BY relname"
    )
    return list(connection.execute(text(query)).scalars())
