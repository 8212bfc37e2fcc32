"""The console's page of requests to forget, with their clocks, and the alert before one runs out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sentiment_lib.alerts import operational_rules
from sentiment_lib.console import erasure
from sentiment_lib.console.pages import draw
from sentiment_lib.errors import NotFound
from sentiment_lib.policy import ErasurePolicy, Policy
from sentiment_lib.steps.erasure import forget, request_erasure
from sentiment_lib.steps.erasure.request_erasure import ErasureOrder
from sentiment_lib.storage import grants
from sentiment_lib.storage.engine import Store
from tests.conftest import as_role

DATABASE_ROLE = grants.APP


@pytest.fixture
def console(database_url, settings):
    """The store of the console."""
    opened = Store(as_role(database_url, grants.CONSOLE), tombstones=settings.tombstones)
    yield opened
    opened.close()


def ask(store, settings, *ids, by="<b>ann</b>"):
    return request_erasure.run(store, settings, ErasureOrder(tweet_ids=ids, requested_by=by))


def page(console, now=None):
    with console.begin() as connection:
        values = erasure.view(connection, Policy(), now)
        return values, draw("erasure.html", "/erasure", **values)


def test_each_request_is_shown_with_what_is_left_of_its_time(store, settings, console):
    assert "Nobody has asked to forget anything." in page(console)[1]
    number = ask(store, settings, 5, 6)
    with console.begin() as connection:
        told = draw("erasure_request.html", "/erasure/one", **erasure.one(connection, Policy(), number))
    assert "<code>sentiment forget run</code> at once" in told
    values, drawn = page(console)
    assert "1 request waits: it has 24.0 h left." in drawn
    assert "&lt;b&gt;ann&lt;/b&gt;" in drawn
    assert values["rows"][0].mood == "good"
    now = datetime.now(UTC)
    assert page(console, now + timedelta(hours=13))[0]["rows"][0].mood == "warn"
    values, drawn = page(console, now + timedelta(hours=26))
    assert "it is 2.0 h too late." in drawn
    late = values["rows"][0]
    assert (late.mood, late.clock) == ("bad", "2.0 h too late")
    forget.run(store, settings)
    values, drawn = page(console)
    assert "Every request is carried out." in drawn
    assert "in time, after" in values["rows"][0].clock
    with console.begin() as connection:
        told = draw("erasure_request.html", "/erasure/one", **erasure.one(connection, Policy(), number))
    assert "2 tweets (tweets by id), by" in told
    assert "In no place of this platform; signed as row" in told
    assert "places of the catalogue" in told
    assert "Done" in told
    with console.begin() as connection, pytest.raises(NotFound):
        erasure.one(connection, Policy(), 99)


def test_an_alert_opens_before_the_time_of_a_request_runs_out(store, settings):
    ask(store, settings, 5, by="ann")

    def firings(hours):
        now = datetime.now(UTC) + timedelta(hours=hours)
        with store.begin() as connection:
            return [one.title for one in operational_rules.erasure_overdue(connection, Policy(), now)]

    assert firings(11) == []
    assert firings(13) == ["The time of request 1 to forget ends in 11 hours"]
    assert firings(25) == ["The time of request 1 to forget ended 60 minutes ago"]
    forget.run(store, settings)
    assert firings(25) == []


def test_a_large_request_is_an_alert_for_a_day(store, settings):
    number = ask(store, settings, *range(5, 155), by="desk")

    def firings(hours=0, **rules):
        policy = Policy(erasure=ErasurePolicy(**rules))
        now = datetime.now(UTC) + timedelta(hours=hours)
        with store.begin() as connection:
            return [one.title for one in operational_rules.large_erasure(connection, policy, now)]

    named = [f"Request {number} to forget names 150 tweets"]
    assert firings() == named, "more than a tenth of none"
    forget.run(store, settings)
    assert firings(23) == named
    assert firings(25) == []
    ask(store, settings, 1, by="desk")
    assert firings(large_request=151, large_share=1) == named
    assert firings(large_request=1) == [*named, f"Request {number + 1} to forget names 1 tweets"]
