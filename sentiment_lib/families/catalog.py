"""The literal catalogue: every family by its name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from sentiment_lib.errors import BadInput, UnknownFamily
from sentiment_lib.families.bag_of_words import BagOfWordsFamily
from sentiment_lib.families.base import Family, Model, Progress, Training
from sentiment_lib.families.fasttext import FastTextFamily
from sentiment_lib.families.lexicon import LexiconFamily
from sentiment_lib.families.sentence_encoder import MINILM, USE
from sentiment_lib.families.stack import StackFamily
from sentiment_lib.families.transformer import BERT, MPNET, TWEET_ROBERTA
from sentiment_lib.families.word_vectors import GLOVE, WORD2VEC
from sentiment_lib.records import LABELS, Label

CATALOG: dict[str, Family] = {
    family.name: family
    for family in (
        LexiconFamily("vader"),
        LexiconFamily("textblob"),
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
    )
}
CATALOG["stack"] = StackFamily(lambda name: family(name))

#: Families that also learn from tweets without labels.
UNLABELLED = frozenset({"word2vec_logreg"})
#: Families that can go on from an earlier package of theirs, or from a checkpoint of a killed training.
RESUMABLE = frozenset({"bert", "mpnet", "tweet_roberta"})


def family(name: str) -> Family:
    """The family of that name; UnknownFamily names those there are."""
    try:
        return CATALOG[name]
    except KeyError:
        raise UnknownFamily(family=name, known=", ".join(sorted(CATALOG))) from None


def train(
    name: str,
    texts: Sequence[str],
    labels: Sequence[Label | str | int],
    *,
    seed: int,
    created_at: Sequence[datetime] | None = None,
    unlabelled: Sequence[str] = (),
    progress: Progress | None = None,
    **options: Any,
) -> Model:
    """Train the named family on texts in the order of time; labels are Label, their names, or positions in LABELS.

    BadInput for other labels, or another number of them than of texts.
    """
    if len(texts) != len(labels):
        raise BadInput(what="training set", problem=f"{len(texts)} texts but {len(labels)} labels")
    places = np.array([_place(label) for label in labels], dtype=np.int64)
    return family(name).train(
        Training(
            texts=texts,
            labels=places,
            seed=seed,
            created_at=created_at,
            unlabelled=unlabelled,
            progress=progress,
            options=options,
        )
    )


def reads_unlabelled(name: str, options: Mapping[str, Any]) -> bool:
    """Whether this training would learn from tweets without labels, itself or by a member of a stack."""
    of_member = options.get("member_options", {})
    if any(reads_unlabelled(str(member), of_member.get(member, {})) for member in options.get("members", ())):
        return True
    return name in UNLABELLED or (name in RESUMABLE and bool(options.get("adapt")))


def starts_warm(name: str) -> bool:
    """Whether the family can go on from an earlier package, and leaves checkpoints."""
    return name in RESUMABLE


def load(folder: Path, name: str) -> Model:
    """The model that a package of this family holds; check the package first (registry/package.py)."""
    return family(name).load(folder)


def _place(label: Label | str | int) -> int:
    names = [str(known) for known in LABELS]
    if isinstance(label, str):
        if label in names:
            return names.index(label)
    elif not isinstance(label, bool) and isinstance(label, (int, np.integer)) and 0 <= label < len(LABELS):
        return int(label)
    problem = f"a label is one of {', '.join(names)} or its place, 0 to {len(LABELS) - 1}"
    raise BadInput(what=f"label {label!r}", problem=problem)
