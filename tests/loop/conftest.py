"""A small world for the loop: labelled tweets in a real database, MLflow's own store in a file, two families."""

from __future__ import annotations

import itertools
import random
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from benchmarks.invented_tweets import EASY, invent
from sentiment_lib.evaluation.evidence_record import Evidence
from sentiment_lib.policy import ApprovalPolicy, Policy, RetrainPolicy, ScorePolicy, SnapshotPolicy
from sentiment_lib.records import NOBODY, ApprovalResponse
from sentiment_lib.settings import Settings
from sentiment_lib.steps.decisions import approval_provenance, evaluate, record_approval, request_approval
from sentiment_lib.steps.deployment import bootstrap
from sentiment_lib.steps.operations import sign_in
from sentiment_lib.steps.training import snapshot, train
from sentiment_lib.storage import decisions
from sentiment_lib.storage.engine import Store
from sentiment_lib.training_record import TrainingOrder

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="session")
def tracking(tmp_path_factory):
    """An empty MLflow store, migrated once; each test gets a copy."""
    import mlflow

    folder = tmp_path_factory.mktemp("mlflow")
    uri = f"sqlite:///{folder}/empty.db"
    mlflow.MlflowClient(uri, uri).create_experiment("airline-sentiment", artifact_location=str(folder / "artifacts"))
    return SimpleNamespace(empty=folder / "empty.db", artifacts=folder / "artifacts")


def settings_in(folder):
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


@pytest.fixture(scope="session")
def world(postgres_server, template_database, tracking, tmp_path_factory):
    """One retrain up to its question, made once; each test that needs it gets a copy of database and folder."""
    home = tmp_path_factory.mktemp("world") / "home"
    home.mkdir()
    shutil.copy(tracking.empty, home / "mlflow.db")
    postgres_server.execute(f"CREATE DATABASE world TEMPLATE {template_database}")
    settings = settings_in(home)
    store = Store(postgres_server.url("world"), anchors_file=settings.anchors_file)
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


@pytest.fixture
def database_url(request, postgres_server, template_database):
    template = template_database
    if "decided" in request.fixturenames:
        request.getfixturevalue("world")
        template = "world"
    with postgres_server.database(template) as url:
        yield url


@pytest.fixture
def settings(request, tmp_path, tracking):
    home = tmp_path / "home"
    if "decided" in request.fixturenames:
        shutil.copytree(request.getfixturevalue("world").home, home)
    else:
        home.mkdir()
        shutil.copy(tracking.empty, home / "mlflow.db")
    return settings_in(home)


@pytest.fixture
def decided(world):
    """Snapshot, candidate, decision and question of one retrain, in this test's own copy of the world."""
    return world


def with_policy(settings, **sections):
    """The same settings under another policy."""
    changed = {name: getattr(settings.policy, name).model_copy(update=values) for name, values in sections.items()}
    return settings.model_copy(update={"policy": settings.policy.model_copy(update=changed)})


@pytest.fixture
def changed(settings):
    return lambda **sections: with_policy(settings, **sections)


def fill(store, numbers, count, *, source="dataset", seed=7):
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


@pytest.fixture
def add_tweets(request, store):
    numbers = itertools.count(601 if "decided" in request.fixturenames else 1)
    # new texts at each call: copies of training texts are not in the holdout
    seeds = itertools.count(8 if "decided" in request.fixturenames else 7)
    return lambda count, **more: fill(store, numbers, count, **{"seed": next(seeds), **more})


@pytest.fixture
def tweets(add_tweets):
    return add_tweets(600)


@pytest.fixture
def sign_in_as(store, settings):
    """Settings with a token of this person."""

    def with_token(name, settings=settings):
        token, _ = sign_in.add_person(store, settings, name=name, lifetime=timedelta(days=1), issuer=None)
        return settings.model_copy(update={"token": SecretStr(token)})

    return with_token


@pytest.fixture
def say(store, settings):
    """Answer a question as a person."""

    def answer(question, word="approved", *, by="mlops", reason="looks right", **more):
        requested_by, provenance = more.pop("requested_by", None), more.pop("provenance", None)
        response = ApprovalResponse(
            **{
                "decision_id": question.decision_id,
                "response": word,
                "answered_by": by or NOBODY,
                "reason": reason,
                "evidence_hash": question.evidence_hash,
                **more,
            }
        )
        if provenance is None and by:
            provenance = approval_provenance.from_airflow(
                response, task="retrain/1/approval", task_instance_id="an id", user_id=by
            )
        return record_approval.run(store, settings, response, requested_by=requested_by, provenance=provenance)

    return answer


@pytest.fixture
def decide_again(store, settings, decided):
    """A further PROMOTE on the same pair, without computing the comparison again."""
    numbers = itertools.count(100)

    def again(requested_by="retrain/2", settings=None):
        with store.begin() as connection:
            record = decisions.full_record(connection, decided.decision.decision_id)
            evidence = replace(Evidence.from_json(record.evidence), looks_before=next(numbers))
            policy = settings.policy.model_dump(mode="json", include=set(record.policy)) if settings else record.policy
            return decisions.store(connection, evidence, policy=policy, requested_by=requested_by)

    return again


@pytest.fixture
def audit_labels(store):
    """Audit labels of every tweet since the decision that a version scored: what it said, or another SQL expression."""

    def give(version, answer="p.label", *, by="local", source="audit"):
        with store.begin() as connection:
            connection.execute(
                text(
                    "INSERT INTO labels (tweet_id, label, source, labelled_by, labelled_at) "
                    f"SELECT p.tweet_id, {answer}, :source, :by, now() FROM predictions p "
                    "WHERE p.model_version = :version AND p.tweet_id > 600"
                ),
                {"version": version, "by": by, "source": source},
            )

    return give
