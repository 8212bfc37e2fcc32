"""Errors that another try cannot mend fail at once; the others back off."""

from __future__ import annotations

import pytest


def decision(error):
    from sentiment_airflow.defaults import RETRIES

    return RETRIES.evaluate(error, try_number=1, max_tries=6).action.value


def test_a_lost_connection_is_tried_again():
    assert decision(ConnectionError("the database is gone")) == "default"


@pytest.mark.parametrize("name", ["UnsafeArtefact", "BadInput", "ChampionMoved", "ApprovalVoid", "UnknownFamily"])
def test_an_error_that_stays_fails_at_once(name):
    from sentiment_lib import errors

    assert decision(getattr(errors, name)("for good")) == "fail"


def test_every_error_named_as_hopeless_exists():
    from sentiment_airflow.defaults import HOPELESS

    from sentiment_lib import errors

    for name in HOPELESS:
        assert issubclass(getattr(errors, name), errors.SentimentError)
