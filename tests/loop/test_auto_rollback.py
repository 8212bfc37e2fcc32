"""After a promotion the version before scores a share in shadow, and audit labels decide whether it comes back."""

from __future__ import annotations

import json
import re
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import typer
from sqlalchemy import text
from typer.testing import CliRunner

from sentiment_lib.cli.models import decision_outcomes
from sentiment_lib.console import decision_outcome
from sentiment_lib.evaluation.evidence_record import Evidence
from sentiment_lib.records import Answer, RuleVerdict
from sentiment_lib.steps.decisions import outcome, shadow_comparison
from sentiment_lib.steps.deployment import promote, rollback
from sentiment_lib.steps.operations import auto_rollback, verify
from sentiment_lib.steps.scoring import score, shadow
from sentiment_lib.storage import decisions, deployments, grants, later_labels, model_versions
from sentiment_lib.storage import shadow as shadow_labels

#: Steps run as the platform runs them.
DATABASE_ROLE = grants.APP


@pytest.fixture
def audited(changed):
    """Every new tweet is drawn for the audit, and so scored in shadow."""
    return changed(score={"audit_share": 1.0})


@pytest.fixture
def refused(store, decided):
    """The same comparison, which the gate holds; returns a function that stores it with more changes."""

    def store_decision(**changes):
        with store.begin() as connection:
            record = decisions.full_record(connection, decided.decision.decision_id)
            evidence = replace(Evidence.from_json(record.evidence), verdict=Answer.HOLD, looks_before=7, **changes)
            return decisions.store(connection, evidence, policy=record.policy, requested_by="retrain/7")

    return store_decision


@pytest.fixture
def promoted(store, audited, decided, say, add_tweets):
    """The candidate is champion, and 200 tweets came in since, scored by both versions."""
    say(decided.question)
    deployment = promote.run(store, audited, decision_id=decided.decision.decision_id)
    add_tweets(200, source="dataset", seed=11)
    score.run(store, audited)
    assert shadow.run(store, audited).scored == {deployment.from_version: 200}
    return deployment


def serving(store):
    with store.begin() as connection:
        return model_versions.champion(connection).version


def rows(store, query):
    with store.begin() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def test_the_stream_says_how_classes_are_shared_before_a_promotion_and_since(store, audited, decided, say, add_tweets):
    add_tweets(40, source="dataset", seed=5)
    scored = score.run(store, audited).scored
    say(decided.question)
    previous = promote.run(store, audited, decision_id=decided.decision.decision_id).from_version
    add_tweets(20, source="dataset", seed=6)
    score.run(store, audited)
    shadow.run(store, audited)
    with store.begin() as connection:
        at = deployments.last_move(connection).finished_at
        where = {"since": at - timedelta(days=28), "until": at}
        counts = shadow_labels.predicted_classes(connection, previous, rows=10_000, **where)
        few = shadow_labels.predicted_classes(connection, previous, rows=5, **where)
        since = shadow_labels.predicted_classes(connection, previous, since=at, until=datetime.now(UTC), rows=10_000)
    assert [sum(one.values()) for one in (counts, few, since)] == [scored, 5, 20]


def test_a_champion_that_is_worse_is_rolled_back_once_with_an_alert(store, audited, promoted, audit_labels):
    audit_labels(promoted.from_version)
    found = auto_rollback.run(store, audited)
    assert found.verdict.verdict == "worse"
    assert serving(store) == promoted.from_version
    assert auto_rollback.run(store, audited) is None
    assert rows(store, "SELECT kind, severity, count FROM alerts") == [("rolled_back", "critical", 1)]
    ((kind, moved_by, reason),) = rows(
        store, "SELECT kind, moved_by, reason FROM deployments ORDER BY deployment_id DESC LIMIT 1"
    )
    assert (kind, moved_by) == ("rollback", "auto_rollback")
    assert "audit labels" in reason


def test_one_person_alone_cannot_roll_a_promotion_back(store, audited, promoted, audit_labels):
    audit_labels(promoted.from_version, by="ann")
    assert auto_rollback.run(store, audited).verdict.labels == 0
    audit_labels(promoted.to_version, by="bob", source="person")  # disagrees
    found = auto_rollback.run(store, audited)
    assert found.rollback is None
    assert serving(store) == promoted.to_version


def test_two_people_who_agree_can(store, audited, promoted, audit_labels):
    audit_labels(promoted.from_version, by="ann")
    audit_labels(promoted.from_version, by="bob", source="person")
    assert auto_rollback.run(store, audited).verdict.verdict == "worse"
    assert serving(store) == promoted.from_version


def test_a_champion_that_is_right_stays(store, audited, promoted, audit_labels):
    audit_labels(promoted.to_version)
    found = auto_rollback.run(store, audited)
    assert (found.verdict.verdict, found.rollback) == ("watching", None)
    assert found.verdict.labels == 200
    assert serving(store) == promoted.to_version
    with store.begin() as connection:
        (followed,), unreadable = outcome.run_newest(connection, audited.policy, 5)
    later = followed.realised
    assert (followed.is_promoted, followed.promised.is_corrected, unreadable) == (True, True, [])
    assert (later.labels, later.cost.waiting > 0, later.cost.promoting) == (200, True, pytest.approx(0, abs=0.1))
    assert 0 < later.low < later.gain < later.high


def test_labels_from_before_the_decision_or_of_tweets_in_its_snapshot_say_nothing_about_what_followed(
    store, owner, audited, decided, promoted, audit_labels
):
    audit_labels(promoted.to_version)
    with owner.begin() as connection:
        moved = text(
            "UPDATE labels SET stored_at = now() - interval '1 day' WHERE source = 'audit' AND tweet_id <= 650"
        )
        connection.execute(moved)
        kept = text("UPDATE frozen_rows SET tweet_id = 651 WHERE part = 'holdout' AND tweet_id = :one")
        connection.execute(
            kept, {"one": connection.scalar(text("SELECT max(tweet_id) FROM snapshot_rows WHERE part = 'holdout'"))}
        )
    with store.begin() as connection:
        decision = decisions.full_record(connection, decided.decision.decision_id)
        found = later_labels.of_decision(connection, decision, auditors=audited.policy.label.auditors)
        assert len(found) == 149
        assert later_labels.of_decision(connection, decision, auditors=[]) == []


def test_without_audit_labels_nothing_is_judged_whatever_people_corrected(
    store, owner, audited, promoted, audit_labels
):
    audit_labels(promoted.from_version)
    with owner.begin() as connection:
        connection.execute(text("UPDATE labels SET source = 'feedback' WHERE source = 'audit'"))
    assert auto_rollback.run(store, audited).verdict.labels == 0
    assert serving(store) == promoted.to_version


def test_killed_before_the_rollback_the_next_run_ends_the_same(store, audited, promoted, monkeypatch, audit_labels):
    audit_labels(promoted.from_version)
    with monkeypatch.context() as patched:

        def die(*args, **kwargs):
            raise KeyboardInterrupt

        patched.setattr(rollback, "run", die)
        with pytest.raises(KeyboardInterrupt):
            auto_rollback.run(store, audited)
    assert auto_rollback.run(store, audited).rollback is not None
    assert serving(store) == promoted.from_version
    assert len(rows(store, "SELECT 1 FROM alerts")) == 1


def test_a_challenger_that_waits_scores_new_tweets_in_shadow_and_serves_nobody(store, audited, decided, add_tweets):
    new = set(add_tweets(40, seed=12))
    score.run(store, audited)
    candidate = decided.decision.candidate_version
    assert shadow.run(store, audited).scored == {candidate: 40}
    assert shadow.run(store, audited).scored == {candidate: 0}
    new |= set(add_tweets(30, seed=13))
    score.run(store, audited)
    with store.begin() as connection:  # by a transaction that began before the last turn, and ended after it
        connection.execute(text("UPDATE shadow_progress SET reached_at = reached_at + interval '50 minutes'"))
    assert shadow.run(store, audited).scored == {candidate: 30}
    seen = {one for (one,) in rows(store, f"SELECT tweet_id FROM predictions WHERE model_version = {candidate}")}
    assert seen == new
    assert serving(store) == decided.decision.champion_version


def test_a_refused_candidate_is_scored_in_shadow_for_a_while_and_followed_shows_what_refusing_cost(
    store, changed, audited, decided, refused, say, add_tweets, audit_labels, monkeypatch
):
    say(decided.question, "rejected")
    held = refused()
    add_tweets(200, source="dataset", seed=21)
    score.run(store, audited)
    off = changed(score={"audit_share": 1.0}, refused={"candidates": 0})
    assert shadow.run(store, off).scored == {}
    assert shadow.run(store, audited, at=datetime.now(UTC) + timedelta(days=8)).scored == {}
    assert shadow.run(store, audited).scored == {held.candidate_version: 200}
    audit_labels(held.candidate_version)
    app = typer.Typer()
    app.callback()(lambda: None)
    decision_outcomes.register(app)
    monkeypatch.setattr(decision_outcomes, "open_store", lambda: nullcontext((store, audited)))
    lines = CliRunner().invoke(app, ["followed"]).stdout.splitlines()
    assert lines[0].split()[:4] == ["decision", "verdict", "candidate", "champion"]
    row = next(line for line in lines if line.split()[:2] == [str(held.decision_id), "HOLD"])
    assert row.split()[2:4] == [str(held.candidate_version), str(held.champion_version)]
    assert len(re.findall(r"\+\d+\.\d", row)) >= 2, "promised and realised gain"
    assert "(" not in row.split()[-1], "losses of later labels, not of the holdout"
    promoting, waiting = (float(figure) for figure in row.split()[-2:])
    assert promoting < 1 < waiting, "the labels say what the candidate predicts"
    listed = json.loads(CliRunner().invoke(app, ["followed", "--json"]).stdout)
    assert listed[0]["realised"]["labels"] == 200
    assert not listed[0]["is_promoted"]


def test_a_candidate_that_is_too_slow_is_not_scored_in_shadow(store, audited, decided, refused, say, add_tweets):
    say(decided.question)  # nothing waits
    refused(rules=(RuleVerdict(rule="cost: p99 latency", figure=9.0, bound=1.0, verdict="reject", reason="slow"),))
    add_tweets(20, source="dataset", seed=21)
    score.run(store, audited)
    assert shadow.run(store, audited).scored == {}


def test_answers_where_two_versions_differ_tell_the_gain_and_go_into_the_ledger(
    store, audited, decided, add_tweets, say, audit_labels
):
    with store.begin() as connection:
        decision = decisions.full_record(connection, decided.decision.decision_id)
        assert shadow_comparison.run(connection, decision) is None
    add_tweets(200, source="dataset", seed=21)
    score.run(store, audited)
    shadow.run(store, audited)
    audit_labels(decided.decision.candidate_version)
    with store.begin() as connection:
        found = shadow_comparison.run(connection, decision)
    assert found.tweets == 200
    assert found.labelled == found.differ == found.candidate_right > 10
    assert found.champion_right == 0
    assert 0 < found.low < found.gain < found.high
    with store.begin() as connection:
        followed = outcome.run(connection, decision, audited.policy)
        shown = decision_outcome.view(connection, decision, audited.policy)
    assert (followed.is_promoted, followed.realised.labels) == (False, 200)
    assert followed.realised.gain > 0
    assert shown["realised"] in decision_outcomes.describe(followed)
    assert "not promoted" in decision_outcomes.describe(followed)
    assert len(shown["cost_rows"]) == 2
    say(decided.question)
    ((payload,),) = rows(store, "SELECT payload FROM ledger WHERE kind = 'approval'")
    kept = json.loads(payload)["shadow"]
    assert (kept["gain"], kept["labelled"]) == (pytest.approx(found.gain), found.labelled)
    assert verify.run(store, audited).problems == ()


def test_labels_are_judged_in_the_order_in_which_they_arrived_and_each_text_once(
    store, owner, audited, promoted, audit_labels
):
    audit_labels(promoted.to_version)
    copied = "my flight from boston was cancelled and nobody at the counter could help us for three hours"
    with owner.begin() as connection:
        # answered newest first
        connection.execute(
            text(
                "UPDATE labels SET stored_at = now() + make_interval(mins => 1000 - tweet_id::int) "
                "WHERE source = 'audit' AND tweet_id > 600"
            )
        )
        connection.execute(
            text(
                "UPDATE tweets SET text = CASE WHEN tweet_id % 2 = 0 THEN :copied ELSE "
                "'RT @joe: ' || left(:copied, 60) END "
                "WHERE tweet_id BETWEEN 701 AND 750"
            ),
            {"copied": copied},
        )
        order = text(
            "SELECT t.text FROM tweets t JOIN labels l USING (tweet_id) WHERE source = 'audit' ORDER BY stored_at"
        )
        arrival = list(connection.execute(order).scalars())
        judged = shadow_labels.labelled(
            connection,
            champion=promoted.to_version,
            previous=promoted.from_version,
            since=datetime(2020, 1, 1, tzinfo=UTC),
            auditors=("local",),
        )
    assert [row["text"] for row in judged] == arrival
    assert auto_rollback.run(store, audited).verdict.labels == 151
