"""Which versions learned from the tweets of a request: by their own rows, from a parent or teacher, or unlabelled."""

from __future__ import annotations

from sqlalchemy import Connection

from sentiment_lib.storage import forged_records, model_versions, training_rows, version_erasures
from sentiment_lib.storage.version_erasures import INHERITED, TRAINED, UNLABELLED


def find(connection: Connection, request_id: int) -> dict[int, tuple[str, int]]:
    """Version -> (how it learned, forgotten tweets among its own rows), without versions that are erased already.

    Vocabulary, tuning and calibration are learned from the training rows, so they need no look of their own. A version
    that nobody signed is none of the platform's: it opens a critical alert, and nothing loads it.
    """
    recorded = model_versions.recorded(connection)
    trained = version_erasures.trained_on_targets(connection, request_id)
    gone = version_erasures.erased_versions(connection)
    found: dict[int, tuple[str, int]] = {}
    for version in model_versions.all_versions(connection):
        number = version.version
        if number in gone:
            continue
        if number not in recorded:
            forged_records.report(connection, f"model version {number} has no signed row in the ledger")
            continue
        unlabelled = model_versions.inputs_of(connection, number).unlabelled
        if number in trained:
            found[number] = TRAINED, trained[number]
        elif found.keys() & set(training_rows.ancestors(connection, number)):
            found[number] = INHERITED, 0
        elif unlabelled and (rows := version_erasures.count_unlabelled(connection, request_id, unlabelled)):
            found[number] = UNLABELLED, rows
    return found
