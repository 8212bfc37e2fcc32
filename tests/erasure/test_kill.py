"""A run that forgets is killed at any line and carried on: the end is the same, and nothing half done is done."""

from __future__ import annotations

import random
import sys

from benchmarks.forget import byte_search
from benchmarks.forget.killed_run import DieAt
from sentiment_lib.steps.erasure import forget, request_erasure
from sentiment_lib.steps.erasure.request_erasure import ErasureOrder
from sentiment_lib.steps.operations import verify
from sentiment_lib.storage import erasure_requests


class Killed(BaseException):
    """The process is gone."""


class Die(DieAt):
    def die(self):
        raise Killed


def run_and_die(line, call):
    """Whether the call died at this line; False when it ended before it came there."""
    sys.settrace(Die(line))
    try:
        call()
    except Killed:
        return True
    finally:
        sys.settrace(None)
    return False


def test_what_is_killed_is_carried_on_to_the_same_end(installation):
    made, draw = installation, random.Random(8)
    gone = made.tweets[::6]
    wanted, lost = byte_search.needles(made.tweets), {tweet.tweet_id for tweet in gone}
    before = byte_search.in_tables(made.owner, wanted)
    order = ErasureOrder(tweet_ids=sorted(lost), requested_by="ann")
    number = request_erasure.run(made.store, made.settings, order)
    kills = 0
    for longest in (100, 3_000, 10_000, 30_000, 60_000, 10**9):
        died = run_and_die(
            draw.randrange(longest // 3, longest), lambda: forget.run(made.store, made.settings, models=False)
        )
        kills += died
        after = byte_search.in_tables(made.owner, wanted)
        with made.store.begin() as connection:
            is_erased = erasure_requests.by_id(connection, number).erased_at is not None
        assert not is_erased or not any(found & lost for found in after.values()), "half forgotten and called done"
        assert is_erased or died
    assert kills >= 3
    for table in before.keys() - {"exports", "pg_stats"}:
        assert after.get(table, set()) == before[table] - lost, table
    files = byte_search.in_files([made.settings.home / name for name in ("landing", "logs", "snapshots")], wanted)
    assert not any(found & lost for found in files.values())
    assert verify.run(made.store, made.settings, artefacts=False).problems == ()
