"""Runs that forget are killed at random lines and carried on; what they call done must be done."""

from __future__ import annotations

import math
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.forget import byte_search, planted, reach, stores
from sentiment_lib.steps.erasure import forget, request_erasure
from sentiment_lib.steps.erasure.request_erasure import ErasureOrder
from sentiment_lib.steps.operations import verify
from sentiment_lib.storage import erasure_requests
from sentiment_lib.storage.erasure_requests import DONE, MODELS

#: Lines after which a run is killed: drawn evenly on a logarithmic scale, since the first ones are gone through by all.
SHORTEST, LONGEST = 20, 200_000


def measure(folder: Path, kills: int, *, count: int, fillers: int) -> dict[str, Any]:
    """Kill so many runs, each at a random line; returns in which state, and what was wrong."""
    draw, states, wrong = random.Random(4), Counter[str](), []
    asked: dict[int, planted.Tweet] = {}
    with stores.running(folder / "home") as home:
        made = stores.installation(home, count, folder / "identity.txt")
        planted.plant(made, fillers=fillers, families=("count_logreg",), drift=False)
        files, tables = reach.everywhere(made, home)
        waiting = iter(made.tweets)
        while states.total() < kills:
            with made.store.begin() as connection:
                is_open = bool(erasure_requests.unfinished(connection))
            if not is_open:
                tweet = next(waiting)
                order = ErasureOrder(tweet_ids=[tweet.tweet_id], requested_by="ann")
                asked[request_erasure.run(made.store, made.settings, order)] = tweet
            line = round(math.exp(draw.uniform(math.log(SHORTEST), math.log(LONGEST))))
            command = [sys.executable, "-m", "benchmarks.forget.killed_run", str(line)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode not in (0, -9):
                raise RuntimeError(done.stderr[-3000:])
            if done.returncode == -9:
                states[_state(made)] += 1
                wrong += _half_forgotten(made, asked, f"killed at line {line}")
        forget.run(made.store, made.settings)
        lost = {tweet.tweet_id for tweet in asked.values()}
        told = reach.Forgotten(tweets=[*asked.values()], lost=lost, requests=(0, 0), files=files, tables=tables)
        searched = reach.remains(made, home, told, names=())
        problems = verify.run(made.store, made.settings).problems
        left = _state(made)
        stores.close(made)
    return {"kills": dict(states), "requests": len(asked), "wrong": wrong, **searched, "verify": problems, "end": left}


def _state(made: planted.Installation) -> str:
    with made.store.begin() as connection:
        return next((one.state for one in erasure_requests.unfinished(connection)), DONE)


def _half_forgotten(made: planted.Installation, asked: dict[int, planted.Tweet], when: str) -> list[str]:
    """Requests that say they are erased, and of whose tweets a table still speaks."""
    with made.store.begin() as connection:
        erased = [one.request_id for one in erasure_requests.every(connection) if one.state in (MODELS, DONE)]
    found = byte_search.in_tables(made.owner, byte_search.needles([asked[number] for number in erased]))
    return [f"{when}: {table} speaks of {len(ids)} tweets that are called erased" for table, ids in found.items()]
