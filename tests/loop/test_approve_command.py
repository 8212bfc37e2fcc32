"""`sentiment approve`: a slip of the hand costs nothing, an answer counts once."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
import typer
from typer.testing import CliRunner

from sentiment_lib.cli.models import decisions as commands
from sentiment_lib.console import decisions as console
from sentiment_lib.console.pages import draw
from sentiment_lib.errors import AnswerRefused
from sentiment_lib.storage import decisions


@pytest.fixture
def approve(store, sign_in_as, decided, monkeypatch):
    """Types `sentiment approve` as somebody for the decision that waits; gives the result."""
    app = typer.Typer()
    commands.register(app)

    def typed(person, *words, number=decided.decision.decision_id):
        monkeypatch.setattr(commands, "open_store", lambda: nullcontext((store, sign_in_as(person))))
        return CliRunner().invoke(app, ["approve", str(number), *words])

    return typed


@pytest.fixture
def waits(store):
    def asked():
        with store.begin() as connection:
            return [one.decision_id for one in decisions.waiting(connection)]

    return asked


@pytest.mark.parametrize(
    ("words", "why"),
    [(("viewer",), "not among the approvers"), (("mlops", "--reject"), "a rejection needs a reason")],
)
def test_a_slip_of_the_hand_is_refused_and_the_decision_waits_on(approve, waits, decided, words, why):
    result = approve(*words)
    assert isinstance(result.exception, AnswerRefused)
    assert why in str(result.exception)
    assert waits() == [decided.decision.decision_id]
    assert approve("mlops").exit_code == 0
    assert waits() == []


@pytest.mark.parametrize("asked_by", ["mlops", "mlops/2026-01-02T03:04:05"])
def test_who_asked_for_a_promotion_is_refused_and_another_may_answer(approve, waits, decide_again, asked_by):
    number = decide_again(asked_by).decision_id
    assert "may not approve it" in str(approve("mlops", number=number).exception)
    assert number in waits()
    assert approve("admin", number=number).exit_code == 0
    assert number not in waits()


def test_the_page_says_how_a_request_of_a_command_is_answered_and_where_an_answer_was_given(
    approve, store, settings, decide_again, decided
):
    def page(number):
        with store.begin() as connection:
            values = console.view(connection, settings.policy, number, person="mlops")
        return draw("decision.html", "/decisions/one", **values)

    assert "Review in Airflow" in page(decided.decision.decision_id)
    assert approve("mlops").exit_code == 0
    assert "Answered with <code>sentiment approve</code>. Airflow" in page(decided.decision.decision_id)
    by_command = decide_again("ann/2026-01-02T03:04:05").decision_id
    assert "Review in Airflow" not in page(by_command)
    assert f"sentiment approve {by_command} --reason" in page(by_command)
    assert approve("mlops", number=by_command).exit_code == 0
    assert "Answered with <code>" not in page(by_command), "Airflow asked nobody"


def test_an_approval_of_other_evidence_is_void_and_says_so(approve, waits):
    result = approve("mlops", "--evidence", "0" * 64)
    assert (result.exit_code, "the evidence is not what was shown" in result.stdout) == (1, True)
    assert waits() == []


def test_an_answer_that_was_given_before_says_whose_stands(approve, waits):
    assert approve("mlops").stdout.startswith("Decision 1: approved\n")
    again = approve("mlops", "--reason", "once more")
    assert again.stdout.startswith("Decision 1: approved by mlops before, at ")
    assert (again.exit_code, again.stdout.endswith("; nothing changed\n")) == (0, True)
