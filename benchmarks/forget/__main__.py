"""Forgetting: tweets with unique words in every store, some of them forgotten, and a search of every byte.

    python -m benchmarks.forget [--quick] [--check] [--kills 50] [--compliance 1000000]

On Postgres and MLflow of its own: 200 tweets come in by every way, are labelled, frozen, learned by models of several
families and left in reports, exports, logs, the spool and a backup. 20 of them and one author are forgotten. Then every
file, table, page of Postgres and the restored backup are searched; each deterministic family is compared with a
training on data that never had the rows; receipts are forged, rows hidden and put back; and every tweet comes again by
each way. --quick: 70 tweets, one family planted and one compared. --kills N: instead, N runs are killed at random and
carried on. --compliance N: instead, a compliance file of a fiftieth of N stored tweets, while others read.
Last line: JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.forget import again, compliance, kills, planted, proof, reach, stores, unlearning
from sentiment_lib.steps.backup import back_up
from sentiment_lib.steps.erasure import forget
from sentiment_lib.steps.operations import verify
from sentiment_lib.steps.training import snapshot


class Clock:
    """Seconds of each part, which are also shown as it ends."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._began = time.monotonic()

    def lap(self, name: str) -> None:
        """End a part."""
        now = time.monotonic()
        self.seconds[name] = round(now - self._began, 1)
        self._began = now
        print(f"{name}: {self.seconds[name]} s", file=sys.stderr, flush=True)


def measure(
    folder: Path, *, count: int, share: int, fillers: int, planted_families: tuple[str, ...], names: list[str]
) -> dict[str, Any]:
    """Points 1 to 3 and 6: reach, exact unlearning, proof, and refusal of what comes again."""
    identity, verified, clock = folder / "identity.txt", {}, Clock()
    with stores.running(folder / "home") as home:
        clock.lap("start")
        made = stores.installation(home, count, identity)
        planted.plant(made, fillers=fillers, families=planted_families)
        clock.lap("plant")
        frozen = snapshot.run(made.store, made.settings)
        lost = {one.tweet_id for one in made.tweets[::share]}
        lost |= {one.tweet_id for one in made.tweets if one.author == reach.AUTHOR and one.source != "api"}
        never, refused = unlearning.train_all(made, unlearning.without(made, frozen, lost).snapshot_id, [*names])
        trained, _ = unlearning.train_all(made, frozen.snapshot_id, [*never])
        clock.lap("train")
        verified["before"] = verify.run(made.store, made.settings).problems
        decided = proof.replayed(made)
        clock.lap("verify and replay")
        backup = back_up.run(made.store, made.settings)
        clock.lap("back up")
        asked = reach.request(made, home, share)
        assert asked.lost == lost
        verified["between"] = verify.run(made.store, made.settings).problems
        clock.lap("search and verify")
        result = forget.run(made.store, made.settings)
        clock.lap("forget")
        verified["after"] = verify.run(made.store, made.settings).problems
        searched = reach.remains(made, home, asked)
        receipts = reach.receipts(made, asked)
        forged = proof.forged_receipts(made, receipts.pop("exported"))
        clock.lap("search and verify again")
        exact = unlearning.compare(made, trained, never)
        decided_after = proof.replayed(made)
        deeds = proof.deeds(made, asked.tweets[0])
        clock.lap("replay and deeds")
        came = again.come(made, lost)
        verified["end"] = verify.run(made.store, made.settings).problems
        stores.close(made)
    clock.lap("come again")
    restored = reach.in_restored(folder / "restored", made, backup, identity, lost)
    clock.lap("restore")
    others = {one.tweet_id for one in made.tweets if one.source != "quarantine"} - lost
    return {
        "tweets": count,
        "forgotten": len(lost),
        "reach": {
            **searched,
            "done": len(result.done),
            "receipts": receipts,
            "restored": {
                **restored,
                "tweets": len(restored["tweets"]),
                "others_missing": len(others - restored["tweets"]),
            },
        },
        "unlearning": {**exact, "not_trained_here": refused},
        "proof": {
            "verify": verified,
            "decisions": [decided, decided_after],
            "forged": forged,
            "deeds": deeds,
        },
        "again": came,
        "seconds": clock.seconds,
    }


def failures(found: dict[str, Any]) -> list[str]:
    """What of the promises is not kept."""
    reached, restored, proved, came = found["reach"], found["reach"]["restored"], found["proof"], found["again"]
    kept = {
        "nothing of the forgotten in files and tables": not reached["left"],
        "nothing in Postgres' files": not reached["raw"],
        "everything of the others": not reached["missing"],
        "both requests done": reached["done"] == 2 and set(reached["receipts"]["states"]) == {"done"},
        "receipts tell nothing": not reached["receipts"]["speaks"] and not reached["receipts"]["problems"],
        "the backup is on the receipts": all(reached["receipts"]["backups"]),
        "nothing in the restored backup": not restored["left"] and not restored["raw"],
        "everything of the others in the restored backup": not restored["others_missing"],
        "the restored backup verifies": not restored["problems"],
        "exact unlearning": found["unlearning"]["identical"] and not found["unlearning"]["different"],
        "the rows mattered": not found["unlearning"]["unchanged"],
        "verify is green": not any(proved["verify"].values()),
        "decisions replay": not any(one["unexplained"] for one in proved["decisions"]),
        "forged receipts are found": all(proved["forged"].values()),
        "deeds are found": all(proved["deeds"].values()),
        "forgotten tweets are refused": came["forgotten"] == came["expected"] and not came["stored_again"],
        "their files lose them": not came["files"],
        "the sums add up": not came["unaccounted"] and not came["new_tweets"],
    }
    return [name for name, is_kept in kept.items() if not is_kept]


def main() -> None:
    """Measure; with --check exit 1 unless everything is kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="70 tweets, one family planted and one compared")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--kills", type=int, default=0, help="kill so many runs at random, instead")
    parser.add_argument("--compliance", type=int, default=0, help="so many stored tweets, instead")
    options = parser.parse_args()
    for name in [name for name in os.environ if name.startswith("SENTIMENT_")]:
        del os.environ[name]
    folder = Path(tempfile.mkdtemp(prefix="forget-"))
    folder.chmod(0o755)
    try:
        if options.kills:
            found = kills.measure(folder, options.kills, count=70, fillers=260)
            broken = [name for name in ("wrong", "left", "missing", "raw", "verify") if found[name]]
            _print_and_check({"kills": found, "failures": broken}, check=options.check)
            return
        if options.compliance:
            found = compliance.measure(folder, options.compliance)
            broken = [] if found["left"] == found["tweets"] - found["ids"] and found["done"] == 1 else ["left"]
            broken += ["p99"] if found["p99_ms_meanwhile"] > 1.5 * found["p99_ms_before"] else []
            _print_and_check({"compliance": found, "failures": broken}, check=options.check)
            return
        size: dict[str, Any] = {"count": 200, "share": 10, "fillers": 600, "names": unlearning.families()}
        families: tuple[str, ...] = ("tfidf_logreg", "count_logreg")
        if options.quick:
            size, families = {"count": 70, "share": 9, "fillers": 260, "names": ["count_logreg"]}, ("tfidf_logreg",)
        found = measure(folder, **size, planted_families=families)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    _print_and_check({**found, "failures": failures(found)}, check=options.check)


def _print_and_check(found: dict[str, Any], *, check: bool) -> None:
    print(json.dumps({"benchmark": "forget", **found}, default=list))
    if check and found["failures"]:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
