"""A request to forget reaches every store and the models that learned from it, and leaves everything else."""

from __future__ import annotations

import json
from pathlib import Path

from sqlalchemy import text

from benchmarks.forget import byte_search
from sentiment_lib.registry import mlflow_erasure
from sentiment_lib.registry.mlflow_registry import Registry
from sentiment_lib.steps.erasure import forget, receipt, request_erasure
from sentiment_lib.steps.erasure.request_erasure import ErasureOrder
from sentiment_lib.steps.operations import verify
from sentiment_lib.storage import erasure_requests, model_versions
from sentiment_lib.storage.version_erasures import of_request

#: Places whose other content stays; packages, pages and checkpoints are made anew or dropped as a whole.
KEEPING = ("landing", "home-elsewhere", "airflow-logs", "logs", "idempotency", "spool", "snapshots")


def places(found, folder):
    """Tweets by the place below `folder` that speaks of them."""
    kept = {}
    for path, tweets in found.items():
        parts = Path(path).relative_to(folder).parts
        place = parts[1] if parts[0] == "home" else parts[0]
        kept[place] = kept.get(place, set()) | tweets
    return {place: kept.get(place, set()) for place in KEEPING}


def test_what_is_forgotten_is_nowhere_and_what_is_not_is_where_it_was(installation, postgres_server):
    made, author = installation, "mira_flies"
    folder = made.settings.home.parent
    gone = [tweet for number, tweet in enumerate(made.tweets) if number % 9 == 0]
    by_author = [tweet for tweet in made.tweets if tweet.author == author and tweet.source != "api"]
    lost = {tweet.tweet_id for tweet in (*gone, *by_author)}
    everything = byte_search.needles(made.tweets)
    task_log = folder / "airflow-logs" / "dag_id=score_tweets" / "attempt=1.log"
    task_log.parent.mkdir(parents=True)
    task_log.write_text("".join(f"cannot read {tweet.text!r}\n" for tweet in made.tweets))
    files = places(byte_search.in_files([folder], everything), folder)
    assert all(tweets for tweets in files.values()), "planted everywhere"
    tables = byte_search.in_tables(made.owner, everything)
    assert {"tweets", "quarantine", "alerts", "frozen_rows", "predictions", "labels"} <= tables.keys()
    assert verify.run(made.store, made.settings).problems == ()

    order = ErasureOrder(tweet_ids=[tweet.tweet_id for tweet in gone], requested_by="ann")
    first = request_erasure.run(made.store, made.settings, order)
    second = request_erasure.run(made.store, made.settings, ErasureOrder(author=f"@{author}", requested_by="ann"))
    assert verify.run(made.store, made.settings).problems == ()
    result = forget.run(made.store, made.settings, task_logs=(folder / "airflow-logs",))
    assert (result.erased, result.done, result.notes) == ((first, second), (first, second), ())

    after = byte_search.in_files([folder], everything)
    assert {path: tweets & lost for path, tweets in after.items() if tweets & lost} == {}
    assert places(after, folder) == {place: tweets - lost for place, tweets in files.items()}
    assert not [path for path in folder.rglob("*") if path.is_file() and author.encode() in path.read_bytes()]
    left = byte_search.in_tables(made.owner, everything)
    assert {table: tweets & lost for table, tweets in left.items() if tweets & lost} == {}
    for table in tables.keys() - {"exports", "pg_stats"}:
        assert left.get(table, set()) == tables[table] - lost, table
    for _ in range(2):
        postgres_server.execute("CHECKPOINT")
    raw = byte_search.in_data_folder(postgres_server.data_of(made.owner), byte_search.needles(gone))
    assert raw == {}

    champion = made.versions[0].version
    with made.store.begin() as connection:
        versions = {one.version: one for one in of_request(connection, first)}
        serving = model_versions.champion(connection)
        told = receipt.of_request(connection, second)
    assert {one.version for one in made.versions} == versions.keys()
    assert [versions[one.version].relation for one in made.versions] == ["trained"] * 3
    assert all(one.exact and one.erased_at for one in versions.values())
    assert serving.version == versions[champion].replacement
    registry = Registry(made.settings)
    assert not any(mlflow_erasure.has_package(registry, number) for number in versions)
    assert mlflow_erasure.has_package(registry, serving.version)
    assert verify.run(made.store, made.settings).problems == ()

    assert [row["kind"] for row in told["ledger"]] == ["erasure_request", "erasure", "erasure_done"]
    written = json.dumps(told, default=str)
    assert not any(str(tweet.tweet_id) in written or tweet.word in written for tweet in made.tweets)
    assert author not in written
    counts = told["ledger"][1]["found"]
    assert counts["tweets"] == len([tweet for tweet in by_author if tweet.source != "quarantine" and tweet not in gone])
    assert counts["landing"] > 0
    assert counts["logs"] > 0, "logs held ids of the author's tweets"
    assert "exports" in told["ledger"][1]["searched"]
    with made.store.begin() as connection:
        assert connection.execute(text("SELECT count(*) FROM erasure_targets")).scalar_one() == 0
        assert {one.state for one in erasure_requests.newest(connection, 9)} == {"done"}
