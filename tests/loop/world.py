"""One retrain up to its question on invented tweets, in a database and a folder of its own."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

from sqlalchemy import text

from benchmarks.invented_tweets import EASY, invent
from sentiment_lib.policy import ApprovalPolicy, Policy, RetrainPolicy, ScorePolicy, SnapshotPolicy
from sentiment_lib.settings import Settings
from sentiment_lib.steps.decisions import evaluate, request_approval
from sentiment_lib.steps.deployment import bootstrap
from sentiment_lib.steps.training import snapshot, train
from sentiment_lib.storage.engine import Store
from sentiment_lib.training_record import TrainingOrder

START = datetime(2026, 1, 1, tzinfo=UTC)


def settings_in(folder: Path) -> Settings:
    """Settings of an installation in this folder."""
    return Settings(
        home=folder,
        mlflow_uri=f"sqlite:///{folder}/mlflow.db",
        author_key="key of the tests",
        policy=Policy(
            gate=EASY,
            approval=ApprovalPolicy(approvers=("admin", "mlops")),
            retrain=RetrainPolicy(minimum_rows=100),
            snapshot=SnapshotPolicy(minimum_holdout=50),
            score=ScorePolicy(batch_rows=150, audit_share=0.2),
        ),
    )


def fill(store: Store, numbers: Iterator[int], count: int, *, source: str = "dataset", seed: int = 7) -> list[int]:
    """Store labelled tweets, one per minute; returns their ids."""
    draw, rows = random.Random(seed), []
    with store.begin() as connection:
        ingest = connection.execute(text("INSERT INTO ingests (source) VALUES ('test') RETURNING ingest_id"))
        ingest_id = ingest.scalar_one()
        for number in itertools.islice(numbers, count):
            label, words = invent(draw, number)
            row = {"id": number, "text": words, "at": START + timedelta(minutes=number)}
            rows.append({**row, "ingest": ingest_id, "label": label, "source": source})
        connection.execute(
            text(
                "INSERT INTO tweets (tweet_id, text, airline, language, created_at, ingest_id) "
                "VALUES (:id, :text, 'united', 'en', :at, :ingest)"
            ),
            rows,
        )
        connection.execute(
            text(
                "INSERT INTO labels (tweet_id, label, source, labelled_by, labelled_at) "
                "VALUES (:id, :label, :source, 'test', :at)"
            ),
            rows,
        )
    return [row["id"] for row in rows]


def retrain_once(database_url: str, home: Path) -> SimpleNamespace:
    """A first champion, and a candidate whose promotion waits for an approval; `home` has an empty MLflow store."""
    settings = settings_in(home)
    store = Store(database_url, anchors_file=settings.anchors_file)
    fill(store, itertools.count(1), 600)
    bootstrap.run(store, settings)
    frozen = snapshot.run(store, settings)
    order = TrainingOrder(snapshot_id=frozen.snapshot_id, family="tfidf_logreg", run_key="retrain/1")
    version = train.run(store, settings, order)
    request = {"snapshot_id": frozen.snapshot_id, "candidate": version.version, "requested_by": "retrain/1"}
    decision = evaluate.run(store, settings, **request)
    question = request_approval.run(store, settings, decision_ids=[decision.decision_id], requested_by="retrain/1")
    store.close()
    assert question is not None, decision
    return SimpleNamespace(home=home, snapshot=frozen, version=version, decision=decision, question=question)
