"""The history of a replay, from a file or from the platform's own tables."""

from __future__ import annotations

from datetime import datetime

import pandas as pd

from sentiment_lib import clock
from sentiment_lib.errors import BadInput
from sentiment_lib.policy import LabelPolicy, SnapshotPolicy
from sentiment_lib.records import LABEL_CODES
from sentiment_lib.replay.history import History
from sentiment_lib.sources.files import FileSource
from sentiment_lib.steps.ingestion.row_validation import RowValidator
from sentiment_lib.storage import labelled_history
from sentiment_lib.storage.engine import Store


def from_file(
    source: FileSource, name: str, *, since: datetime | None = None, until: datetime | None = None
) -> History:
    """The labelled rows of a file, read, validated and masked as `ingest` does; of a repeated tweet the surest label.

    Raises BadSource where the file cannot be read, BadInput when too few of its rows have a label.
    """
    # authors are no part of a history, so their key may be anything
    validator = RowValidator(source.identity, b"replay", clock.now())
    found: dict[int, tuple[float, tuple[object, ...]]] = {}
    refused: dict[str, int] = {}
    for row in source.rows():
        result = validator.validate(row)
        if result.tweet is None:
            reason = result.reason or "it cannot be read"
            refused[reason] = refused.get(reason, 0) + 1
            continue
        number, text, _, language, airline, created_at, _ = result.tweet
        if result.label is None or (since and created_at < since) or (until and created_at >= until):
            continue
        label, labelled_at, confidence = result.label[1], result.label[4], result.label[5]
        sure = 1.0 if confidence is None else confidence
        if number not in found or sure >= found[number][0]:
            code = LABEL_CODES[str(label)]
            found[number] = sure, (number, text, created_at, code, airline, language, labelled_at)
    if not found and refused:
        reason, count = max(refused.items(), key=lambda item: item[1])
        raise BadInput(what=f"history {name}", problem=f"none of its rows can be used; of {count} {reason}")
    columns = ["tweet_id", "text", "created_at", "label", "airline", "language", "known_at"]
    return History.from_frame(name, pd.DataFrame([values for _, values in found.values()], columns=columns))


def from_tables(
    store: Store, policy: SnapshotPolicy, labels: LabelPolicy, *, since: datetime, until: datetime
) -> History:
    """The platform's labelled tweets created in [since, until). Raises BadInput when there are too few."""
    with store.begin() as connection:
        frame = labelled_history.read(
            connection, policy.label_precedence, since=since, until=until, auditors=labels.auditors
        )
    return History.from_frame(f"{since:%Y-%m-%d} to {until:%Y-%m-%d}", frame)
