"""Seeded samples of the two windows of a drift check, in which copies of a text count once. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from sentiment_lib.drift.copied_share import TextRuns, cut_runs
from sentiment_lib.policy import DriftPolicy
from sentiment_lib.text.copies import cluster_copies
from sentiment_lib.text.tokens import words

#: Share of the reference sample that is set aside as the vocabulary.
VOCABULARY_SHARE = 0.3
#: Rows of each window among which copies are sought, and size of the reference sample that decides which words are new,
#: in samples.
SOUGHT_FACTOR = 3


@dataclass(frozen=True, kw_only=True)
class Samples:
    """Input of one check: seeded samples of both windows, in which copies of a text count once, and the vocabulary."""

    reference: pd.DataFrame
    current: pd.DataFrame
    vocabulary: frozenset[str] = field(repr=False)
    #: a larger sample of the reference, for the test of new words
    reference_for_words: pd.DataFrame = field(repr=False)
    #: texts with their copies, in which those are counted when there are no runs of consecutive tweets
    runs: TextRuns = field(repr=False)
    #: another reference sample for the signals of predictions
    scored_reference: pd.DataFrame | None = field(default=None, repr=False)
    #: rows of both windows
    rows: tuple[int, int] = (0, 0)


def sample_rows(frame: pd.DataFrame, rows: int, seed: int) -> pd.DataFrame:
    """At most `rows` rows in random order, drawn without replacement; the same ones for the same seed."""
    index = np.random.default_rng(seed).permutation(len(frame))[:rows]
    return frame.iloc[index].reset_index(drop=True)


def distinct_texts(frame: pd.DataFrame) -> pd.DataFrame:
    """One row for each cluster of copies (`text.copies`) in each window, in the order of the frame.

    The column `window` (any values) tells windows apart; without it the frame is one window. The row that stands for a
    cluster is one with a label, or else with a prediction, where the cluster has such a row.
    """
    keys = pd.DataFrame({"cluster": cluster_copies(frame["text"].fillna("").tolist())})
    keys["window"] = frame["window"].to_numpy() if "window" in frame else 0
    order = np.arange(len(frame))
    for column in ("p_negative", "true_label"):
        if column in frame:
            order = order[np.argsort(frame[column].isna().to_numpy()[order], kind="stable")]
    firsts = keys.iloc[order].drop_duplicates().index
    return frame.iloc[np.sort(firsts)].reset_index(drop=True)


def draw_samples(
    reference: pd.DataFrame,
    current: pd.DataFrame,
    policy: DriftPolicy,
    scored_reference: pd.DataFrame | None = None,
) -> Samples:
    """Samples of both windows, of at most `policy.sample_rows`; a part of the reference is set aside as the vocabulary.

    reference, current: see `distinct_texts`. Both are first thinned alike, to SOUGHT_FACTOR samples.
    """
    most = SOUGHT_FACTOR * policy.sample_rows
    thinned = [sample_rows(frame, most, policy.seed + number) for number, frame in enumerate((reference, current))]
    texts, now = (distinct_texts(frame) for frame in thinned)
    sample = texts[: round(policy.sample_rows / (1 - VOCABULARY_SHARE))]
    vocabulary_rows = round(len(sample) * VOCABULARY_SHARE)
    known_words = frozenset(word for text in sample["text"][:vocabulary_rows].fillna("") for word in words(text))
    scored = None
    if scored_reference is not None:
        scored = distinct_texts(sample_rows(scored_reference, most, policy.seed))[: policy.sample_rows]
    before, after = (frame["text"].fillna("").tolist() for frame in thinned)
    return Samples(
        reference=sample[vocabulary_rows:][: policy.sample_rows].reset_index(drop=True),
        current=now[: policy.sample_rows],
        vocabulary=known_words,
        reference_for_words=texts,
        runs=cut_runs(before, after[: policy.sample_rows]),
        scored_reference=scored,
        rows=(len(reference), len(current)),
    )
