"""The world of `world.py`, and people who act in it; security's tests of proof use these fixtures too."""

from __future__ import annotations

import itertools
import shutil
from dataclasses import replace
from datetime import timedelta

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from sentiment_lib.evaluation.evidence_record import Evidence
from sentiment_lib.records import NOBODY, ApprovalResponse
from sentiment_lib.steps.decisions import approval_provenance, record_approval
from sentiment_lib.steps.operations import sign_in
from sentiment_lib.storage import decisions
from tests.loop.world import fill, settings_in


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
        people, provenance = more.pop("people", ()), more.pop("provenance", None)
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
        return record_approval.run(store, settings, response, people=people, provenance=provenance)

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
