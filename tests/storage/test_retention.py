"""What is past its retention goes, with nothing that evidence rests on; sizes are told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from sentiment_lib.steps.operations import retention
from sentiment_lib.storage import grants
from sentiment_lib.storage.retention import BATCH

DATABASE_ROLE = grants.APP
NOW = datetime.now(UTC)


def count(store, table):
    with store.begin() as connection:
        return connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()


def test_rows_past_their_retention_are_removed_and_others_stay(store, settings, monkeypatch):
    with store.begin() as connection:
        for statement in (
            "INSERT INTO ingests (source, finished_at) VALUES ('test', now() - interval '1 year')",
            "INSERT INTO quarantine (ingest_id, row_number, reason, raw, quarantined_at) SELECT 1, n, 'r', 'x', "
            f"now() - interval '91 days' FROM generate_series(1, {BATCH + 5}) n",
            "INSERT INTO quarantine (ingest_id, row_number, reason, raw) VALUES (1, 0, 'r', 'x')",
            "INSERT INTO alerts (kind, severity, dedup_key, title, resolved_at) VALUES "
            "('a', 'info', 'a', 't', now() - interval '1 year'), ('a', 'info', 'b', 't', NULL)",
            "INSERT INTO alert_messages (alert_id, receiver, sent_at, event) SELECT alert_id, 'r', "
            "now() - interval '1 year', 'opened' FROM alerts",
        ):
            connection.execute(text(statement))
    found = retention.run(store, settings)
    assert found.removed == {"quarantine": BATCH + 5, "alert_messages": 1, "landing": 0, "model_cache": 0}
    assert (count(store, "quarantine"), count(store, "alert_messages"), count(store, "ingests")) == (1, 1, 1)
    assert set(retention.run(store, settings).removed.values()) == {0}
    assert found.tables["quarantine"] > 100 * BATCH / 10
    assert {"tweets", "predictions", "ledger"} <= set(found.tables)


def test_ingested_files_and_packages_go_but_waiting_files_and_champions_stay(store, settings):
    with store.begin() as connection:
        for statement in (
            "INSERT INTO model_versions (version, family, digest, run_id, training_key) VALUES "
            "(1, 'vader', 'served', 'r', 'k'), (2, 'vader', 'candidate', 's', 'l')",
            "INSERT INTO deployments (kind, to_version, state, finished_at) VALUES ('bootstrap', 1, 'done', now())",
        ):
            connection.execute(text(statement))
    landing, cache = settings.landing, settings.home / "cache" / "models"
    for path in ("waiting.csv", "claimed/plain__a.csv", "done/b.csv", "failed/c.csv", "failed/c.csv.why.txt"):
        (landing / path).parent.mkdir(parents=True, exist_ok=True)
        (landing / path).write_text("text\nlate\n")
    (landing / "done/link.csv").symlink_to(landing / "waiting.csv")
    for digest in ("served", "candidate"):
        (cache / digest).mkdir(parents=True)
        (cache / digest / "model.bin").write_bytes(b"x" * 1000)
    assert set(retention.run(store, settings, at=NOW + timedelta(days=29)).removed.values()) == {0}
    found = retention.run(store, settings, at=NOW + timedelta(days=31))
    assert (found.removed["landing"], found.removed["model_cache"]) == (4, 1)
    assert sorted(path.name for path in landing.rglob("*.csv")) == ["plain__a.csv", "waiting.csv"]
    assert [path.name for path in cache.iterdir()] == ["served"]
    assert found.folders["cache"] == 1000
