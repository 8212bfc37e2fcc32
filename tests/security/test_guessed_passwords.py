"""Guessing passwords at Airflow's token endpoint: few tries a minute from one address."""

from __future__ import annotations

import logging

import pytest
from fastapi import Body, FastAPI, HTTPException
from fastapi.testclient import TestClient
from sentiment_airflow import failed_logins
from sentiment_airflow.failed_logins import ADDRESSES, FAILURES, SECONDS, FailedLogins


@pytest.fixture
def clock():
    """The time, which a test moves."""
    return [1000.0]


@pytest.fixture
def app(clock):
    """An endpoint that knows one password, behind the throttle."""
    inner = FastAPI()

    @inner.post("/token")
    def token(password: str = Body(embed=True)) -> str:
        if password != "right":
            raise HTTPException(401)
        return "token"

    return FailedLogins(inner, clock=lambda: clock[0])


def tries(app, count, password="wrong", address="192.0.2.1"):
    client = TestClient(app, client=(address, 1))
    return [client.post("/token", json={"password": password}) for _ in range(count)]


def test_an_address_that_guesses_must_wait_and_others_need_not(app, clock, caplog):
    with caplog.at_level(logging.WARNING, failed_logins.__name__):
        answers = tries(app, FAILURES + 2)
    assert [answer.status_code for answer in answers] == [401] * FAILURES + [429] * 2
    assert answers[-1].headers["Retry-After"] == str(int(SECONDS))
    assert caplog.messages == ["failed login from 192.0.2.1"] * FAILURES
    assert tries(app, 1, "right")[0].status_code == 429, "or the guess that is right would be told"
    assert tries(app, 1, "right", address="192.0.2.2")[0].status_code == 200
    clock[0] += SECONDS
    assert tries(app, 1, "right")[0].status_code == 200


def test_right_passwords_are_never_counted(app):
    assert {answer.status_code for answer in tries(app, 3 * FAILURES, "right")} == {200}


def test_the_memory_of_addresses_is_bounded(app):
    for number in range(ADDRESSES + 5):
        app._fail(str(number))
    assert len(app._failures) == ADDRESSES
