"""`verify` asks where each answer came from: Airflow's record of it, or the token of the person who typed it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from pydantic import SecretStr

from sentiment_lib.airflow_client import AirflowClient
from sentiment_lib.steps.operations import sign_in, verify

RECORD = {
    "channel": "airflow",
    "task": "retrain/1/approval",
    "task_instance_id": "an id",
    "user_id": "2",
    "responded_by": "mlops",
}


@pytest.fixture
def now(decided):
    """The time of the answer, after that of the decision."""
    return datetime.now(UTC)


def problems_of(store, settings):
    return verify.run(store, settings, artefacts=False).problems


@pytest.mark.parametrize(
    ("provenance", "fault"),
    [
        ({"channel": None}, "approval 1 has no record of an answer"),
        ({"channel": "airflow", "task": "retrain/1/approval"}, "approval 1 has no record of Airflow"),
        (RECORD | {"responded_at": None}, "approval 1 has no record of Airflow"),
        (RECORD | {"responded_by": "admin"}, "approval 1 is not what Airflow recorded: admin"),
        (RECORD | {"responded_at": timedelta(seconds=-9)}, "approval 1 is not what Airflow recorded: mlops at"),
        (
            {"channel": "command line", "token_id": 7},
            "approval 1 was given with a token that was never issued to mlops",
        ),
    ],
)
def test_an_answer_of_unknown_origin_is_found(store, settings, decided, say, now, provenance, fault):
    offset = provenance.get("responded_at", timedelta())
    if provenance["channel"] == "airflow" and "responded_by" in provenance:
        provenance = provenance | {"responded_at": None if offset is None else now + offset}
    say(decided.question, provenance=provenance, answered_at=now)
    assert [problem for problem in problems_of(store, settings) if problem.startswith(fault)]


def test_a_command_s_token_is_looked_up_in_the_ledger(store, settings, decided, say):
    token, record = sign_in.add_person(store, settings, name="mlops", lifetime=timedelta(days=1), issuer=None)
    person = sign_in.verify_token(store, token)
    assert person.token_id == record.token_id
    say(decided.question, provenance=person.provenance)
    assert problems_of(store, settings) == ()


def test_another_person_s_token_is_found(store, settings, decided, say):
    token, _ = sign_in.add_person(store, settings, name="viewer", lifetime=timedelta(days=1), issuer=None)
    say(decided.question, provenance=sign_in.verify_token(store, token).provenance)
    assert problems_of(store, settings) == ("approval 1 was given with a token that was never issued to mlops",)


@pytest.fixture
def airflow(monkeypatch):
    """Airflow's answers by the end of the path; what is missing was deleted."""
    answers: dict[str, object] = {"approval": {"try_number": 1}}

    def call(self, method, path):
        found = answers.get(path.rpartition("/")[2])
        if isinstance(found, Exception):
            raise found
        if found is None:
            request = httpx.Request(method, f"http://airflow{path}")
            raise httpx.HTTPStatusError("Not Found", request=request, response=httpx.Response(404))
        return found

    monkeypatch.setattr(AirflowClient, "call", call)
    return answers


@pytest.fixture
def with_airflow(settings):
    return settings.model_copy(update={"airflow_user": "platform", "airflow_password": SecretStr("x")})


def said(name, at):
    return {"responded_by_user": {"id": "2", "name": name} if name else None, "responded_at": at and at.isoformat()}


def test_airflow_s_own_record_is_compared_while_the_run_exists(store, with_airflow, decided, say, airflow, now):
    say(decided.question, provenance=RECORD | {"responded_at": now}, answered_at=now)
    airflow["hitlDetails"] = said("mlops", now)
    assert problems_of(store, with_airflow) == ()
    named = ("approval 1: Airflow has another record of retrain/1/approval, or none of an answer",)
    for other in (said("admin", now), said("mlops", now - timedelta(hours=1)), said(None, None)):
        airflow["hitlDetails"] = other
        assert problems_of(store, with_airflow) == named
    airflow["1"] = said("mlops", now)  # the first try, which was cleared later
    assert problems_of(store, with_airflow) == ()


def test_of_a_deleted_run_the_signed_row_stands(store, with_airflow, decided, say, airflow, now):
    say(decided.question, provenance=RECORD | {"responded_at": now}, answered_at=now)
    airflow.clear()
    result = verify.run(store, with_airflow, artefacts=False)
    assert (result.problems, result.notes) == ((), ())


def test_an_airflow_that_does_not_answer_is_a_note(store, with_airflow, decided, say, airflow, now):
    say(decided.question, provenance=RECORD | {"responded_at": now}, answered_at=now)
    airflow["approval"] = httpx.ConnectError("refused")
    result = verify.run(store, with_airflow, artefacts=False)
    assert (result.problems, len(result.notes)) == ((), 1)
    assert "1 answers, since Airflow cannot be asked (refused)" in result.notes[0]
