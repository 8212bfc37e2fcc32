"""Errors that another try cannot mend fail at once; the others back off."""

from __future__ import annotations

import pytest


def decision(error):
    from sentiment_airflow.defaults import RetryByError

    return RetryByError().evaluate(error, try_number=1, max_tries=6).action.value


def test_a_lost_connection_is_tried_again():
    assert decision(ConnectionError("the database is gone")) == "default"


@pytest.mark.parametrize("name", ["UnsafeArtefact", "BadInput", "ChampionMoved", "ApprovalVoid", "UnknownFamily"])
def test_an_error_that_stays_fails_at_once(name):
    from sentiment_lib import errors

    assert decision(getattr(errors, name)("for good")) == "fail"


#: Those that another try may mend, or that no task of a DAG raises.
TRIED_AGAIN = {
    "SentimentError": "raised with words of its own, mostly for a server that is away",
    "AnswerRefused": "of the command line: a task records an answer that counts for nothing as void",
    "BackupFailed": "the database or MLflow may be back at the next try",
    "Busy": "another command holds the champion; the next try may get it",
    "DatabaseStarting": "a server that replays its log answers after a while",
    "ErasureFailed": "the cause may be a server that is away; what was forgotten stays forgotten",
    "ForgottenMeanwhile": "the next try trains on the rows that are left",
    "MoveUnfinished": "MLflow may be back at the next try",
    "RegistryUnavailable": "MLflow may be back at the next try",
    "PortTaken": "of `sentiment up`",
    "StackFailed": "of `sentiment up`",
    "StackStarting": "of `sentiment status`",
    "StackNotRunning": "of `sentiment status`",
    "TooSlow": "of a page of the console",
}


def test_each_of_our_errors_is_either_hopeless_or_tried_again_on_purpose():
    from sentiment_lib import errors

    ours = {
        name: kind
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, errors.SentimentError)
    }
    assert {name for name, kind in ours.items() if kind.retryable} == set(TRIED_AGAIN)
    assert len(ours) > len(TRIED_AGAIN) + 10


def test_missing_weights_are_told_at_once():
    from sentiment_lib.errors import MissingWeights

    assert decision(MissingWeights(family="mpnet", command="make mpnet")) == "fail"
