"""What people are shown of a decision: the question in Airflow, and the decision's page of the console."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import text

from sentiment_lib.console import decisions as console
from sentiment_lib.console import of_dag, verdict
from sentiment_lib.console.pages import draw
from sentiment_lib.evaluation import evidence_text
from sentiment_lib.records import Answer, RuleVerdict, SyntheticRows
from sentiment_lib.steps.decisions import approval_summary
from sentiment_lib.storage import decisions, snapshots

#: A data set may name an airline anything.
HOSTILE = RuleVerdict(rule="slice: airline <b>|x", figure=0.1, bound=0.2, verdict="hold", reason="<i>|few</i>\nrows")


@pytest.fixture
def hostile(store, decided):
    """The decision with one more rule, whose name is markup."""
    with store.begin() as connection:
        record = decisions.full_record(connection, decided.decision.decision_id)
    return replace(record, rules=(*record.rules, HOSTILE))


def test_the_question_shows_both_versions_what_the_rules_said_and_the_hash(decided):
    body, decision = decided.question.body, decided.decision
    assert f"Version {decision.candidate_version} (tfidf_logreg)" in body
    assert f"{decision.champion_version} (vader)" in body
    outcomes = [evidence_text.verdict_name(rule.verdict, rule.reason) for rule in decision.rules]
    passed, unknown = outcomes.count("pass"), outcomes.count("not enough data")
    assert f"Rules: {passed} passed, 0 failed, {unknown} without enough data to judge." in body
    assert passed + unknown == len(outcomes)
    assert "| difference |" in body
    assert len(body.splitlines()) <= 40, "at most a screen"
    assert decision.evidence_hash in body
    assert "Another recipe: another family" in body
    assert "All comparisons together may be misled in 5 % of cases" in body
    assert "Corrected for having been selected" in body
    assert "Promotion watch (14 days, 0.0 audit labels a day): a loss of 2 points" in body
    assert f"/sentiment/decisions/{decision.decision_id}" in body


def test_what_holds_while_a_question_waits_is_not_said_of_one_that_does_not(store, settings, decided, say):
    assert "Expires" in decided.question.body
    with store.begin() as connection:
        record = decisions.full_record(connection, decided.decision.decision_id)
    assert "Expires" in approval_summary.summarise(record, settings.policy.approval, None, SyntheticRows())
    refused = replace(record, verdict=Answer.REJECT)
    assert "Expires" not in approval_summary.summarise(refused, settings.policy.approval, None, SyntheticRows())
    body = approval_summary.summarise(record, settings.policy.approval, say(decided.question), SyntheticRows())
    assert "Expires" not in body
    assert "from now on" not in body
    assert decided.decision.evidence_hash in body


def test_a_comparison_on_synthetic_tweets_says_so(store, settings, decided):
    with store.begin() as connection:
        connection.execute(text("UPDATE snapshots SET synthetic_train = 7, synthetic_holdout = 3"))
        record = decisions.full_record(connection, decided.decision.decision_id)
        synthetic = snapshots.synthetic_rows(connection, record.snapshot_id)
        view = console.view(connection, settings.policy, record.decision_id, person="mlops")
        body = approval_summary.summarise(record, settings.policy.approval, None, synthetic)
    assert (synthetic.train, synthetic.holdout) == (7, 3)
    assert "3 holdout rows are tweets of the sample generator" in body.splitlines()[0]
    assert "Synthetic data" in draw("decision.html", "/decisions/one", **view)


def test_names_cannot_break_the_table_or_the_page(store, settings, hostile):
    with store.begin() as connection:
        body = approval_summary.summarise(hostile, settings.policy.approval, None, SyntheticRows())
        view = console.view(connection, settings.policy, hostile.decision_id, person="mlops")
        rules = verdict.rule_groups(hostile.rules, view["evidence"].comparison)
    assert "airline <b>\\|x | ◐ hold | <i>\\|few</i> rows |" in body
    page = draw("decision.html", "/decisions/one", **{**view, "decision": hostile, "rules": rules})
    assert "<b>" not in page
    assert "&lt;b&gt;|x" in page


def test_the_page_shows_every_rule_the_hash_and_each_judged_difference(store, settings, decided):
    with store.begin() as connection:
        view = console.view(connection, settings.policy, decided.decision.decision_id, person="mlops")
    page = draw("decision.html", "/decisions/one", **view)
    for rule in decided.decision.rules:
        assert f">{verdict.rule_name(rule.rule)}<" in page
    assert decided.decision.evidence_hash in page
    assert ">intact<" in page
    assert len(view["charts"]["gain"].rows) == 1 + len(view["evidence"].comparison.guards)
    assert "Confusion matrix" in page
    assert "Better than the champion: promote it" in page
    assert f"{len(view['rules']['not enough data'])} without enough data" in page
    assert "Labels needed to detect a gain" in page
    assert "On new tweets" in page
    refused = {**view, "decision": replace(view["decision"], verdict=Answer.REJECT), "examples": []}
    assert "On new tweets" not in draw("decision.html", "/decisions/one", **refused)


def test_the_page_of_a_run_leads_to_its_decision_and_of_several_to_their_list(store, decided):
    number = decided.decision.decision_id
    with store.begin() as connection:
        dag_id, _, run_id = connection.execute(text("SELECT requested_by FROM decisions")).scalar_one().partition("/")
        assert dag_id == "retrain"
        assert of_dag.of_run(connection, "retrain", run_id) == f"/decisions/{number}"
        assert of_dag.of_run(connection, "retrain", "manual__1+00:00") == "/decisions?run=manual__1%2B00%3A00"
        assert [row.decision_id for row in console.page(connection, run_id).rows] == [number]
        assert console.page(connection, "manual__1+00:00").rows == []
        assert of_dag.of_run(connection, "check_drift", run_id) == of_dag.of_dag("check_drift") == "/drift"
        assert of_dag.of_run(connection, "check_drift", run_id, {"report_id": 99}) == "/drift", "it was taken away"
        assert of_dag.of_run(connection, "payroll", run_id) is None
    page = draw("decisions.html", "/decisions", rows=[], run="<i>1")
    assert "No decision in this run" in page
    assert "&lt;i&gt;1" in page


@pytest.mark.parametrize("change", ["'{'", "replace(evidence, '\"behaviours\"', '\"behavior\"')", "evidence || ' '"])
def test_the_page_of_a_decision_says_that_its_evidence_was_changed(store, settings, decided, change):
    with store.engine.connect() as connection:
        connection.execute(text(f"UPDATE evaluations SET evidence = {change}"))
        view = console.view(connection, settings.policy, decided.decision.decision_id, person="mlops")
        connection.rollback()
    page = draw("decision.html", "/decisions/one", **view)
    assert "hash mismatch" in page
    assert ">intact<" not in page
    assert decided.decision.evidence_hash in page
    readable = change == "evidence || ' '"
    assert ("cannot be read" not in page) == readable
    assert ("Confusion matrix" in page) == ("What followed" in page) == readable


def test_who_was_asked_may_answer_on_the_page_with_the_own_session_and_nobody_else(store, settings, decided, say):
    number, policy = decided.decision.decision_id, settings.policy

    def drawn(person):
        with store.begin() as connection:
            return draw("decision.html", "/decisions/one", **console.view(connection, policy, number, person=person))

    asked, other = drawn("mlops"), drawn("platform")
    assert 'data-address="/api/v2/dags/retrain/dagRuns/' in asked
    assert '/taskInstances/approval/-1/hitlDetails"' in asked
    assert '<button class="primary" name="option" value="Promote" disabled>' in asked
    assert "<form" not in other
    assert "It waits for one of admin, mlops." in other
    say(decided.question)
    assert "<form" not in drawn("mlops"), "it has been answered"


def test_what_failed_says_what_would_change_it(store, settings, decided):
    with store.begin() as connection:
        view = console.view(connection, settings.policy, decided.decision.decision_id, person="mlops")
    compared = view["evidence"].comparison
    failing = [
        RuleVerdict(rule="holdout rows", figure=60, bound=100, verdict="hold", reason="60 rows"),
        RuleVerdict(rule="benefit", figure=-0.1, bound=0.0, verdict="hold", reason="no gain"),
        RuleVerdict(rule="not worse: macro_f1", figure=-0.1, bound=-5.0, verdict="hold", reason="a loss"),
        RuleVerdict(rule="slice: emoji", figure=-0.1, bound=-0.05, verdict="reject", reason="worse"),
        RuleVerdict(rule="cost: memory", figure=9, bound=8, verdict="reject", reason="9 MB of 8"),
        RuleVerdict(
            rule="slice: airline X", figure=None, bound=None, verdict="pass", reason="9 rows: too few to judge"
        ),
        RuleVerdict(rule="calibration error", figure=0.1, bound=0.2, verdict="pass", reason="fine"),
    ]
    groups = verdict.rule_groups(failing, compared)
    assert {name: len(rows) for name, rows in groups.items()} == {"failed": 5, "not enough data": 1, "passed": 1}
    changes = [row.change for row in groups["failed"]]
    assert changes[0] == "40 more labelled rows in the holdout."
    assert changes[1] == "A larger gain.", "there are more rows than a gain of this size needs"
    assert "more labelled rows" in changes[2]
    assert "slice" in changes[3]
    assert changes[4].startswith("A cheaper family")
    assert groups["not enough data"][0].change == ""
    page = draw("decision.html", "/decisions/one", **{**view, "rules": groups})
    assert page.index("What failed, and what would change it") < page.index("Metrics")


@pytest.mark.parametrize(
    ("gain", "change"),
    [
        (-0.02, "A better candidate: no gain was seen."),
        (0.0, "A better candidate: no gain was seen."),
        (0.0004, "A better candidate: hardly any gain was seen."),
        (0.013, "About 1,000 more labelled rows, if the gain stays at +1.3 points; or a larger gain."),
    ],
)
def test_more_labels_are_no_way_to_a_gain_that_was_not_seen(store, settings, decided, gain, change):
    with store.begin() as connection:
        view = console.view(connection, settings.policy, decided.decision.decision_id, person="mlops")
    compared = view["evidence"].comparison
    # a refresh needs rows to rule out its margin, whatever it gains
    needed = {**compared.labels_needed, "observed": compared.rows + 1000}
    seen = replace(compared, main=replace(compared.main, difference=gain), labels_needed=needed)
    held = RuleVerdict(rule="benefit", figure=-0.1, bound=-0.02, verdict="hold", reason="not shown")
    assert verdict.rule_groups([held], seen)["failed"][0].change == change


@pytest.mark.parametrize("gate", [Answer.HOLD, Answer.REJECT])
def test_what_the_gate_did_not_promote_an_approver_may_force_as_long_as_the_champion_is_the_same(
    store, settings, decided, gate
):
    with store.begin() as connection:
        view = console.view(connection, settings.policy, decided.decision.decision_id, person="mlops")
    failed = RuleVerdict(rule="cost: memory", figure=9, bound=8, verdict="reject", reason="9 MB of 8")
    rules = verdict.rule_groups([failed], view["evidence"].comparison)
    view |= {"decision": replace(view["decision"], verdict=gate), "rules": rules}
    page = draw("decision.html", "/decisions/one", **view)
    assert 'class="override-form' in page
    assert ("The gate rejected this candidate" in page) == (gate is Answer.REJECT)
    other = draw("decision.html", "/decisions/one", **view | {"may_answer": False})
    assert "<form" not in other
    assert "One of admin, mlops may promote it by force" in other
    later = draw("decision.html", "/decisions/one", **view | {"serving": 77})
    assert "<form" not in later
    assert "The champion is version 77 by now" in later
