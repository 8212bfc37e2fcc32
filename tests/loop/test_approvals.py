"""Who may answer, when, and what an answer is worth."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from sentiment_lib.errors import ApprovalVoid, BadInput, ChampionMoved
from sentiment_lib.records import ApprovalResponse
from sentiment_lib.registry.mlflow_registry import Registry
from sentiment_lib.steps.decisions import request_approval
from sentiment_lib.steps.deployment import promote
from sentiment_lib.steps.operations import reconcile, verify
from sentiment_lib.storage import decisions, grants

#: Steps run as the platform runs them.
DATABASE_ROLE = grants.APP


def test_without_an_approval_nothing_is_promoted(store, settings, decided):
    with pytest.raises(ApprovalVoid, match="nobody approved"):
        promote.run(store, settings, decision_id=decided.decision.decision_id)
    assert Registry(settings).alias("champion") == 1


def test_a_rejection_is_recorded_with_its_reason_and_ends_the_challenger(store, settings, decided, say):
    found = say(decided.question, "rejected", reason="storm days only")
    assert (found.response, found.answered_by, found.reason) == ("rejected", "mlops", "storm days only")
    assert Registry(settings).alias("challenger") is None
    with pytest.raises(ApprovalVoid):
        promote.run(store, settings, decision_id=decided.decision.decision_id)


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ({"by": "viewer"}, "not among the approvers"),
        ({"people": ["mlops"]}, "may not approve it"),
        ({"by": None}, "not among the approvers"),
        ({"evidence_hash": "0" * 64}, "not what was shown"),
        ({"answered_at": datetime.now(UTC) + timedelta(days=3)}, "expired"),
    ],
)
def test_an_answer_that_does_not_count_is_void_and_says_why(store, settings, decided, say, how, why):
    found = say(decided.question, **how)
    assert found.response == "void"
    assert why in (found.reason or "")
    with pytest.raises(ApprovalVoid):
        promote.run(store, settings, decision_id=decided.decision.decision_id)
    assert verify.run(store, settings, artefacts=False).problems == ()


def test_a_rejection_without_a_reason_is_a_rejection(store, settings, decided, say):
    found = say(decided.question, "rejected", reason="", people=["mlops"])
    assert (found.response, found.answered_by, found.reason) == ("rejected", "mlops", "no reason given")


def test_self_approval_is_a_switch_of_the_policy_of_the_decision_and_of_today(store, settings, changed, decide_again):
    from sentiment_lib.steps.decisions import record_approval

    lenient = changed(approval={"self_approval": True})
    cases = ((settings, lenient, "void"), (lenient, settings, "void"), (lenient, lenient, "approved"))
    for number, (then, today, response) in enumerate(cases):
        decision = decide_again(f"mlops/{number}", then)
        answer = ApprovalResponse(
            decision_id=decision.decision_id,
            response="approved",
            answered_by="mlops",
            evidence_hash=decision.evidence_hash,
        )
        assert record_approval.run(store, today, answer, people=["mlops"]).response == response


def test_evidence_that_was_changed_after_the_question_voids_the_approval(store, owner, settings, decided, say):
    with owner.begin() as connection:
        connection.execute(text("UPDATE evaluations SET evidence = replace(evidence, 'PROMOTE', 'promote')"))
    assert "not what was shown" in (say(decided.question).reason or "")


def test_an_approval_is_void_when_the_champion_moved_meanwhile(store, settings, decided, decide_again, say):
    other = decide_again()
    assert say(decided.question).response == "approved"
    promote.run(store, settings, decision_id=decided.decision.decision_id)
    late = say(other)
    assert (late.response, "the champion is version" in (late.reason or "")) == ("void", True)


def test_a_promotion_is_refused_when_the_champion_moved_after_the_approval(store, settings, decided, decide_again, say):
    other = decide_again()
    assert say(decided.question).response == say(other).response == "approved"
    promote.run(store, settings, decision_id=other.decision_id)
    with pytest.raises(ChampionMoved, match="evaluate again"):
        promote.run(store, settings, decision_id=decided.decision.decision_id)


def test_the_same_answer_twice_is_one_answer_and_another_is_refused(store, settings, decided, say):
    first = say(decided.question)
    assert say(decided.question) == first
    with pytest.raises(ApprovalVoid, match="has answered already"):
        say(decided.question, by="admin")
    with pytest.raises(ApprovalVoid, match="has answered already"):
        say(decided.question, "rejected", reason="changed my mind")


def test_nobody_answered_in_time_is_no_rejection(store, settings, decided, say):
    found = say(decided.question, "expired", by=None, reason=None)
    assert (found.response, found.answered_by) == ("expired", "nobody")


def test_a_question_that_ran_out_is_closed_by_maintain(store, settings, decided):
    later = datetime.now(UTC) + timedelta(days=4)
    assert reconcile.run(store, settings, at=later).expired == (decided.decision.decision_id,)
    assert reconcile.run(store, settings, at=later).expired == ()
    assert Registry(settings).alias("challenger") is None


def test_a_newer_question_supersedes_the_older_and_names_who_asked_it(store, settings, decided, decide_again, say):
    newer = decide_again("retrain/2")
    question = request_approval.run(store, settings, decision_ids=[newer.decision_id], requested_by="retrain/2")
    assert question is not None
    assert question.superseded == ("retrain/1",)
    assert request_approval.closed(store, settings) == ["retrain/1"]
    assert (
        request_approval.run(store, settings, decision_ids=[decided.decision.decision_id], requested_by="retrain/1")
        is None
    )
    # the old question was still on someone's screen
    assert say(decided.question).response == "void"
    assert say(question).response == "approved"


def test_a_run_whose_worse_candidate_was_closed_keeps_its_question(store, settings, decided, decide_again, say):
    other = decide_again("retrain/1")
    both = [decided.decision.decision_id, other.decision_id]
    question = request_approval.run(store, settings, decision_ids=both, requested_by="retrain/1")
    assert question is not None
    assert request_approval.closed(store, settings) == [], "maintain would end the form that people answer"
    say(question)
    assert request_approval.closed(store, settings) == ["retrain/1"]


def test_asking_again_gives_the_same_question(store, settings, decided):
    again = request_approval.run(store, settings, decision_ids=[decided.decision.decision_id], requested_by="retrain/1")
    assert again == decided.question
    assert decided.question.evidence_hash in again.body


def test_a_forced_promotion_is_its_own_kind_and_opens_a_critical_alert(store, settings, decided, say):
    say(decided.question, "rejected", reason="not convinced")
    with pytest.raises(BadInput, match="reason"):
        promote.force(store, settings, decision_id=decided.decision.decision_id, reason="", by="admin")
    moved = promote.force(store, settings, decision_id=decided.decision.decision_id, reason="the boss", by="admin")
    assert moved.kind == "forced"
    with store.begin() as connection:
        alert = connection.execute(text("SELECT kind, severity, body FROM alerts")).one()
        assert decisions.approval(connection, decided.decision.decision_id).response == "rejected"
    assert (alert.kind, alert.severity) == ("forced_promotion", "critical")
    assert "the boss" in alert.body
    assert verify.run(store, settings, artefacts=False).problems == ()


def test_a_void_answer_of_the_gate_cannot_be_approved(store, owner, settings, decided, decide_again, say):
    with owner.begin() as connection:
        connection.execute(text("UPDATE decisions SET verdict = 'HOLD'"))
    assert "the gate said HOLD" in (say(decided.question).reason or "")
