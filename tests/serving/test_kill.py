"""The real server is killed under load, or loses its database: what it accepted is stored, and nothing twice."""

from __future__ import annotations

import random
import time

import pytest

from benchmarks.serving.process import Callers, Link, Served
from benchmarks.stack_home import free_port


@pytest.fixture
def served(settings, database_url):
    """Start the real process on a database that can be cut off."""
    link = Link(database_url)
    server = Served(settings.home, link.url, free_port())
    server.link = link
    yield server
    server.kill()


def wait_until_stored(served, seconds=60):
    give_up = time.monotonic() + seconds
    while not served.all_stored():
        assert time.monotonic() < give_up, served.ready()
        time.sleep(0.1)


def check(rows, callers):
    stored = [key for (key,) in rows("SELECT tweet_id || '-' || model_version FROM predictions")]
    assert callers.accepted
    assert not set(callers.accepted) - set(stored)
    assert len(set(callers.accepted)) == len(callers.accepted)
    # a text is sent once, so a text that is stored twice would be a prediction that was recorded twice
    assert rows("SELECT text FROM tweets GROUP BY text HAVING count(*) > 1") == []


def test_killed_at_random_points_under_load_all_that_was_accepted_is_stored_once(served, key, rows):
    draw = random.Random(6)
    served.start()
    with Callers(served.port, key) as callers:
        for _ in range(3):
            time.sleep(0.2 + draw.random())
            served.kill()
            served.start()
        time.sleep(0.3)
    wait_until_stored(served)
    check(rows, callers)
    assert callers.refused == []


def test_while_the_database_is_away_answers_go_on_and_all_of_them_are_stored_later(served, key, rows):
    served.start()
    with Callers(served.port, key) as callers:
        time.sleep(0.5)
        served.link.cut()
        before = len(callers.accepted)
        time.sleep(7)  # longer than a key is believed
        assert len(callers.accepted) > before + 20
        assert any("wait for the database" in warning for warning in served.ready()["warnings"])
        served.link.mend()
        time.sleep(1)
    wait_until_stored(served)
    check(rows, callers)
    assert (callers.refused, callers.broken) == ([], 0)
