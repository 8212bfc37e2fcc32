"""What was forgotten can be proved without the data, and what somebody hides, forges or puts back is found."""

from __future__ import annotations

import copy
from typing import Any

from sqlalchemy import text

from benchmarks.forget import planted
from sentiment_lib.steps.decisions import replay
from sentiment_lib.steps.erasure import receipt
from sentiment_lib.steps.operations import verify


def replayed(made: planted.Installation) -> dict[str, int]:
    """Every decision is computed again: identical, on what remains, or not any more."""
    with made.store.begin() as connection:
        ids = list(connection.execute(text("SELECT decision_id FROM decisions ORDER BY 1")).scalars())
    results = [replay.run(made.store, made.settings, decision_id=number) for number in ids]
    return {
        "decisions": len(results),
        "identical": sum(one.identical for one in results),
        "on_what_remains": sum(bool(one.gone) and bool(one.replayed_hash) for one in results),
        "unexplained": sum(not one.identical and not one.gone for one in results),
    }


def forged_receipts(made: planted.Installation, exported: list[dict[str, Any]]) -> dict[str, bool]:
    """Whether a receipt is refused that says less was found, leaves a row out, or is of another request."""
    first, second = exported
    less = copy.deepcopy(first)
    entry = next(row for row in less["entries"] if row["kind"] == "erasure")
    entry["payload"] = entry["payload"].replace('"tweets":', '"tweet":', 1)
    other = copy.deepcopy(second)
    other["request_id"] = first["request_id"]
    headless = copy.deepcopy(first)
    headless["entries"] = headless["entries"][1:]
    cases = {"changed": less, "of another request": other, "without its request": headless}
    return {name: bool(receipt.problems(case, made.settings.key_ring)) for name, case in cases.items()}


#: What somebody with every right on the database does, and how it is undone.
DEEDS = {
    "a row hidden from a snapshot": (
        "CREATE TEMP TABLE kept AS SELECT * FROM frozen_rows ORDER BY row_id LIMIT 1",
        "DELETE FROM frozen_rows WHERE row_id = (SELECT row_id FROM kept)",
        "INSERT INTO frozen_rows OVERRIDING SYSTEM VALUE SELECT * FROM kept",
    ),
    "a tombstone taken away": (
        "CREATE TEMP TABLE kept AS SELECT * FROM tombstones ORDER BY hash LIMIT 1",
        "DELETE FROM tombstones WHERE hash = (SELECT hash FROM kept)",
        "INSERT INTO tombstones SELECT * FROM kept",
    ),
    "a request taken back": (
        "CREATE TEMP TABLE kept AS SELECT request_id, requested_by FROM erasure_requests ORDER BY 1 LIMIT 1",
        "UPDATE erasure_requests SET requested_by = 'nobody' WHERE request_id = (SELECT request_id FROM kept)",
        "UPDATE erasure_requests r SET requested_by = k.requested_by FROM kept k WHERE r.request_id = k.request_id",
    ),
}


def deeds(made: planted.Installation, forgotten: planted.Tweet) -> dict[str, bool]:
    """Whether `verify` names each."""
    found = {}
    resurrected = (
        "CREATE TEMP TABLE kept AS SELECT 1",
        "INSERT INTO tweets (tweet_id, text, created_at, ingest_id) "
        f"SELECT {forgotten.tweet_id}, 'back', '{forgotten.created_at.isoformat()}', min(ingest_id) FROM ingests",
        f"DELETE FROM tweets_to_score WHERE tweet_id = {forgotten.tweet_id}",
        f"DELETE FROM tweets WHERE tweet_id = {forgotten.tweet_id}",
    )
    for name, (before, deed, *undo) in {**DEEDS, "a tweet put back": resurrected}.items():
        with made.owner.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for statement in (before, deed):
                connection.exec_driver_sql(statement)
            found[name] = bool(verify.run(made.store, made.settings, artefacts=False).problems)
            for statement in (*undo, "DROP TABLE kept"):
                connection.exec_driver_sql(statement)
    return found
