"""Recalibration of the champion: fitted on fresh audit labels, judged on others, approved, served and made again."""

from __future__ import annotations

import json
import re
from contextlib import nullcontext
from types import SimpleNamespace

import numpy as np
import pytest
import typer
from sqlalchemy import text
from typer.testing import CliRunner

from sentiment_lib.cli.models import training
from sentiment_lib.console import decisions as console_decisions
from sentiment_lib.errors import ApprovalVoid
from sentiment_lib.evaluation import aims
from sentiment_lib.evaluation.evidence_record import Evidence
from sentiment_lib.families.recalibration import NAME
from sentiment_lib.registry.mlflow_registry import Registry
from sentiment_lib.steps.decisions import replay
from sentiment_lib.steps.deployment import promote, rollback
from sentiment_lib.steps.operations import auto_rollback, verify
from sentiment_lib.steps.scoring import score, shadow
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


def test_an_approved_layer_serves_with_its_own_probabilities_and_can_be_taken_off(
    store, settings, stream, sentiment, say, add_tweets
):
    with store.begin() as connection:
        below = model_versions.champion(connection)
    told = json.loads(sentiment("recalibrate", "--json"))
    decision_id, question = told["decisions"][0]["decision_id"], SimpleNamespace(**told["question"])
    with pytest.raises(ApprovalVoid, match="nobody approved it"):
        promote.run(store, settings, decision_id=decision_id)
    assert say(question).response == "approved"
    moved = promote.run(store, settings, decision_id=decision_id)
    assert (moved.kind, moved.from_version) == ("promotion", below.version)
    registry, layer = Registry(settings), moved.to_version
    assert (registry.alias("champion"), registry.alias("challenger")) == (layer, None)

    first = add_tweets(20)
    assert score.run(store, settings).model_version == layer
    assert shadow.run(store, settings).scored.keys() == {below.version}
    with store.begin() as connection:
        served = model_versions.champion(connection)
        stored = connection.execute(
            text(
                "SELECT p_negative, p_neutral, p_positive, text FROM predictions JOIN tweets USING (tweet_id) "
                "WHERE model_version = :version AND tweet_id >= :id ORDER BY tweet_id"
            ),
            {"version": layer, "id": min(first)},
        ).all()
    expected = registry.load(served.version, served.digest).predict_proba([row.text for row in stored])
    np.testing.assert_allclose([row[:3] for row in stored], expected, atol=1e-6)
    base = registry.load(below.version, below.digest).predict_proba([row.text for row in stored])
    assert np.abs(expected - base).max() > 0.01
    watch = auto_rollback.run(store, settings)
    assert watch is None or watch.verdict.verdict != "worse"

    back = rollback.by_hand(store, settings, to_version=below.version, reason="as it was", by="mlops")
    assert (back.kind, registry.alias("champion")) == ("rollback", below.version)
    add_tweets(5)
    assert score.run(store, settings).model_version == below.version
    assert verify.run(store, settings).problems == ()
