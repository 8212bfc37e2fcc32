"""A labelled history: tweets in order of time, and when each label became known."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sentiment_lib.errors import BadInput
from sentiment_lib.evaluation.holdout_split import JUDGING, LABELLED
from sentiment_lib.records import LABELS
from sentiment_lib.statistics.metrics import Ints

#: Times as nanoseconds since 1970, (n,).
Times = NDArray[np.int64]
#: `known_at` of a label that is never known.
NEVER = np.iinfo(np.int64).max
#: Fewest rows of a history.
FEWEST_ROWS = 300


@dataclass(frozen=True, kw_only=True)
class History:
    """n tweets, oldest first, with their labels; arrays and lists have one value for each tweet."""

    name: str
    tweet_id: Ints
    text: list[str] = field(repr=False)
    created_at: Times = field(repr=False)
    #: index into LABELS
    label: Ints = field(repr=False)
    #: when the label is known to those who retrain; NEVER where it is not bought
    known_at: Times = field(repr=False)
    airline: list[str | None] = field(repr=False)
    language: list[str | None] = field(repr=False)

    @classmethod
    def from_frame(cls, name: str, frame: pd.DataFrame) -> History:
        """From columns tweet_id, text, created_at (aware), label (code), airline, language and perhaps known_at.

        Raises BadInput for fewer than FEWEST_ROWS rows, a tweet that is there twice, or fewer than two classes.
        """
        if len(frame) < FEWEST_ROWS:
            raise BadInput(
                what=f"history {name}", problem=f"it has {len(frame)} labelled tweets, and {FEWEST_ROWS} are needed"
            )
        frame = frame.sort_values(["created_at", "tweet_id"], kind="stable").reset_index(drop=True)
        if frame["tweet_id"].duplicated().any():
            raise BadInput(what=f"history {name}", problem="a tweet is in it twice")
        if frame["label"].nunique() < 2:
            raise BadInput(what=f"history {name}", problem="all its labels are the same")
        created = _nanoseconds(frame["created_at"])
        known = _nanoseconds(frame["known_at"]) if "known_at" in frame else created
        return cls(
            name=name,
            tweet_id=frame["tweet_id"].to_numpy(np.int64),
            text=frame["text"].tolist(),
            created_at=created,
            label=frame["label"].to_numpy(np.int64),
            known_at=np.maximum(known, created),
            airline=_optional(frame["airline"].tolist()),
            language=_optional(frame["language"].tolist()),
        )

    @property
    def rows(self) -> int:
        """Number of tweets."""
        return len(self.text)

    @property
    def absent(self) -> tuple[int, ...]:
        """Classes that the history never has: a family is told that they are no part of the task."""
        present = set(self.label.tolist())
        return tuple(code for code in range(len(LABELS)) if code not in present)

    def delayed(self, delay: timedelta) -> History:
        """Every label known so much later."""
        later = np.where(self.known_at == NEVER, NEVER, self.known_at + int(delay.total_seconds() * 1e9))
        return replace(self, known_at=later)

    def thinned(self, share: float) -> History:
        """Only this share of the labels is ever bought: a draw by a hash of the tweet's id."""
        if share >= 1:
            return self
        bought = uniform(self.tweet_id, "bought") < share
        return replace(self, known_at=np.where(bought, self.known_at, NEVER))

    def digest(self) -> str:
        """SHA-256 of ids, texts and times: what a model's stored probabilities are about."""
        digest = hashlib.sha256()
        for number, text, created in zip(self.tweet_id, self.text, self.created_at, strict=True):
            digest.update(f"{number}\x1f{text}\x1f{created}\x1e".encode())
        return digest.hexdigest()

    def labelled_frame(self, rows: Ints) -> pd.DataFrame:
        """These rows with the columns LABELLED and JUDGING of `evaluation.holdout_split`, as labels of a data set."""
        labels = [str(LABELS[code]) for code in self.label[rows]]
        frame = pd.DataFrame(
            {
                "tweet_id": self.tweet_id[rows],
                "created_at": pd.to_datetime(self.created_at[rows], utc=True),
                "text": [self.text[row] for row in rows],
                "airline": [self.airline[row] for row in rows],
                "language": [self.language[row] for row in rows],
                "label": labels,
                "label_source": "dataset",
                "judging_label": labels,
                "judging_source": "dataset",
                "inclusion": np.nan,
            }
        )
        return frame[[*LABELLED, *JUDGING]]


def uniform(tweet_ids: Ints, salt: str) -> NDArray[np.float64]:
    """A uniform number in [0, 1) for each tweet (n,), a hash of the salt and its id."""
    return np.array(
        [
            int.from_bytes(hashlib.blake2b(f"{salt} {number}".encode(), digest_size=8).digest(), "big") / 2**64
            for number in tweet_ids.tolist()
        ]
    )


def to_moment(nanoseconds: int) -> datetime:
    """The time as an aware datetime."""
    return pd.Timestamp(int(nanoseconds), tz="UTC").to_pydatetime()


def _nanoseconds(values: pd.Series) -> Times:
    return np.asarray(pd.to_datetime(values, utc=True).dt.as_unit("ns").astype("int64"), dtype=np.int64)


def _optional(values: Sequence[object]) -> list[str | None]:
    return [value if isinstance(value, str) and value else None for value in values]
