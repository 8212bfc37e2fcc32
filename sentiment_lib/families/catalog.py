"""The catalogue of model families. A new family is one line in FAMILIES; see docs/adding-a-family.md."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from sentiment_lib.errors import BadInput, UnknownFamily, did_you_mean
from sentiment_lib.families.bag_of_words.family import BagOfWordsFamily
from sentiment_lib.families.base import Family, Model, Progress, Training
from sentiment_lib.families.embeddings.sentence_encoder import MINILM, USE
from sentiment_lib.families.embeddings.word_vectors import GLOVE, WORD2VEC
from sentiment_lib.families.ensemble.stacking import StackFamily
from sentiment_lib.families.fasttext import FastTextFamily
from sentiment_lib.families.lexicon import TEXTBLOB, VADER
from sentiment_lib.families.recalibration import NAME as RECALIBRATED
from sentiment_lib.families.recalibration import RecalibratedFamily
from sentiment_lib.families.transformers.family import BERT, MPNET, TWEET_ROBERTA
from sentiment_lib.records import LABEL_CODES, LABELS, Label

FAMILIES: tuple[Family, ...] = (
    VADER,
    TEXTBLOB,
    BagOfWordsFamily("count_logreg"),
    BagOfWordsFamily("tfidf_logreg"),
    FastTextFamily(),
    WORD2VEC,
    GLOVE,
    USE,
    MINILM,
    BERT,
    MPNET,
    TWEET_ROBERTA,
    StackFamily(lambda name: family(name)),
)
CATALOG: dict[str, Family] = {family.name: family for family in FAMILIES}
#: Families whose models build on the champion instead of learning from labelled tweets alone.
DERIVED: dict[str, Family] = {RECALIBRATED: RecalibratedFamily(lambda name: family(name))}


def family(name: str) -> Family:
    """The family of that name; UnknownFamily, with the known names, when there is none."""
    found = CATALOG.get(name) or DERIVED.get(name)
    if found is None:
        known = sorted({*CATALOG, *DERIVED})
        raise UnknownFamily(family=name, known=", ".join(known), suggestion=did_you_mean(name, known))
    return found


def train(
    name: str,
    texts: Sequence[str],
    labels: Sequence[Label | str | int],
    *,
    seed: int,
    created_at: Sequence[datetime] | None = None,
    unlabelled: Sequence[str] = (),
    progress: Progress | None = None,
    teacher: Model | None = None,
    absent: Sequence[int] = (),
    **options: Any,
) -> Model:
    """Train the named family on n texts in order of time and their n labels.

    A label is a Label, its name, or its index into LABELS; `absent` are those that the task does not have.

    Raises BadInput for other labels or another number of them, UnknownFamily, and what `Family.train` raises.
    """
    if len(texts) != len(labels):
        raise BadInput(what="training set", problem=f"{len(texts)} texts but {len(labels)} labels")
    codes = np.array([_code(label) for label in labels], dtype=np.int64)
    return family(name).train(
        Training(
            texts=texts,
            labels=codes,
            seed=seed,
            created_at=created_at,
            unlabelled=unlabelled,
            progress=progress,
            teacher=teacher,
            options=options,
            absent=absent,
        )
    )


def load(folder: Path, name: str) -> Model:
    """The model in this folder, of the named family; verify the package first (registry/model_package.py)."""
    return family(name).load(folder)


def _code(label: Label | str | int) -> int:
    if isinstance(label, str):
        if label in LABEL_CODES:
            return LABEL_CODES[label]
    elif not isinstance(label, bool) and isinstance(label, (int, np.integer)) and 0 <= label < len(LABELS):
        return int(label)
    problem = f"a label is one of {', '.join(LABEL_CODES)} or its index, 0 to {len(LABELS) - 1}"
    raise BadInput(what=f"label {label!r}", problem=problem)
