"""Recalibration of the champion: fitted on fresh audit labels, judged on others, approved, served and made again."""

from __future__ import annotations

import json
import re
from contextlib import nullcontext

import numpy as np
import pytest
import typer
from sqlalchemy import text
from typer.testing import CliRunner

from sentiment_lib.cli import training
from sentiment_lib.console import decisions as console_decisions
from sentiment_lib.evaluation import aims
from sentiment_lib.evaluation.evidence_record import Evidence
from sentiment_lib.families.recalibration import NAME
from sentiment_lib.registry.mlflow_registry import Registry
from sentiment_lib.steps.decisions import replay
from sentiment_lib.steps.deployment import promote
from sentiment_lib.steps.training import reproduce
from sentiment_lib.storage import decisions, grants, model_versions, training_rows

#: Steps run as the platform runs them.
DATABASE_ROLE = grants.APP


@pytest.fixture
def stream(store, owner, settings, decided, say, add_tweets):
    """A promoted champion, and audit labels of later tweets, a third of which say something else than the text."""
    say(decided.question)
    promote.run(store, settings, decision_id=decided.decision.decision_id)
    add_tweets(1000, source="audit", seed=31)
    with owner.begin() as connection:
        connection.execute(
            text(
                "UPDATE labels SET inclusion_probability = 0.2, labelled_by = 'local', "
                "label = CASE WHEN tweet_id % 3 = 0 THEN 'neutral' ELSE label END WHERE source = 'audit'"
            )
        )


@pytest.fixture
def sentiment(store, changed, sign_in_as, monkeypatch):
    # 200 rows do not rule out a loss of one point, when a few predictions change
    signed_in = sign_in_as("ann", changed(gate={"refresh_margin": 0.05}))
    app = typer.Typer()
    training.register(app)
    monkeypatch.setattr(training, "open_store", lambda: nullcontext((store, signed_in)))

    def run(*words):
        done = CliRunner().invoke(app, [str(word) for word in words])
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.stdout

    return run


def test_the_command_puts_a_layer_before_a_person_who_may_promote_it(store, settings, stream, sentiment):
    with store.begin() as connection:
        champion = model_versions.champion(connection)
        connection.execute(text("INSERT INTO retrain_requests (rule, reason) VALUES ('drift', 'for a retrain')"))
    told = json.loads(sentiment("recalibrate", "--json"))
    assert not told["failed"]
    (made,) = told["decisions"]
    with store.begin() as connection:
        candidate = model_versions.by_version(connection, made["candidate_version"])
        trained, _ = model_versions.training_of(connection, candidate.version)
        assert connection.scalar(text("SELECT run_id FROM retrain_requests WHERE rule = 'drift'")) is None
        record = decisions.full_record(connection, made["decision_id"])
        fitted = training_rows.learned_tweet_ids(connection, [candidate.version])
        judged = set(
            connection.scalars(
                text("SELECT tweet_id FROM snapshot_rows WHERE part = 'holdout' AND snapshot_id = :id"),
                {"id": record.snapshot_id},
            )
        )
    assert (candidate.family, trained.inputs.teacher.version) == (NAME, champion.version)
    assert not fitted & judged
    with store.begin() as connection:
        page = console_decisions.view(connection, settings.policy, made["decision_id"], person="mlops")
    assert page["headline"] == "Better calibrated than the champion, and not worse: promote it"
    assert re.search(r"calibration error from [1-9]\d?\.\d to \d\.\d points", page["sentence"])
    evidence = Evidence.from_json(record.evidence)
    assert evidence.aim == aims.Aim(kind=aims.RECALIBRATION, margin=0.05)
    assert evidence.comparison.calibration.candidate < evidence.comparison.calibration.champion
    rules = {rule.rule: rule.verdict for rule in evidence.rules}
    assert (rules["calibration gain"], rules["benefit"]) == ("pass", "pass")
    assert replay.run(store, settings, decision_id=made["decision_id"]).identical
    again = reproduce.run(store, settings, version=candidate.version)
    assert (again.identical, again.same_digest, again.different_files) == (True, True, ())
    model = Registry(settings).load(candidate.version, candidate.digest)
    below = Registry(settings).load(champion.version, champion.digest)
    texts = ["@united thank you", "worst flight ever", "when does the gate open"]
    np.testing.assert_array_equal(model.base.predict_proba(texts), below.predict_proba(texts))
    assert f"on top of version {champion.version}" in Registry(settings).card(candidate.version)
    assert told["question"]["decision_id"] == made["decision_id"]
