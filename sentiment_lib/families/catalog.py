"""The literal catalogue: every family by its name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from sentiment_lib.errors import BadInput, UnknownFamily
from sentiment_lib.families.bag_of_words.model import BagOfWordsFamily
from sentiment_lib.families.base import Family, Model, Progress, Training
from sentiment_lib.families.embeddings.sentence_encoder import MINILM, USE
from sentiment_lib.families.embeddings.word_vectors import GLOVE, WORD2VEC
from sentiment_lib.families.ensemble.stacking import StackFamily
from sentiment_lib.families.fasttext import FastTextFamily
from sentiment_lib.families.lexicon import LexiconFamily
from sentiment_lib.families.transformers.family import BERT, MPNET, TWEET_ROBERTA
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
#: Families that also learn from tweets without labels.
UNLABELLED = frozenset({"word2vec_logreg"})
#: Families that can go on from an earlier package of theirs, or from a checkpoint of a killed training.
RESUMABLE = {found.name: found for found in (BERT, MPNET, TWEET_ROBERTA)}
CATALOG["stack"] = StackFamily(lambda name: family(name), resumable=RESUMABLE)


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
    teacher: Model | None = None,
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
            teacher=teacher,
            options=options,
        )
    )


def reads_unlabelled(name: str, options: Mapping[str, Any]) -> bool:
    """Whether this training would learn from tweets without labels, itself or by a member of a stack."""
    if any(reads_unlabelled(member, its) for member, its in _members(options)):
        return True
    # what a warm start goes on from was adapted, or was meant not to be
    adapts = bool(options.get("adapt")) and options.get("start") is None
    return name in UNLABELLED or (adapts and fine_tunes(name, options))


def fine_tunes(name: str, options: Mapping[str, Any]) -> bool:
    """Whether this training changes the weights of a network."""
    return name in RESUMABLE and RESUMABLE[name].fine_tunes(options)


def taught(name: str, options: Mapping[str, Any]) -> bool:
    """Whether this training, or that of a member of a stack, learns what a teacher says (option `taught`)."""
    if any(taught(member, its) for member, its in _members(options)):
        return True
    return bool(options.get("taught")) and fine_tunes(name, options)


def resumes(name: str, options: Mapping[str, Any]) -> bool:
    """Whether this training, or that of a member of a stack, goes on where it was killed (option `checkpoints`)."""
    return fine_tunes(name, options) or any(fine_tunes(member, its) for member, its in _members(options))


def start_problem(
    name: str, options: Mapping[str, Any], package: Path, created_at: Sequence[datetime] | None = None
) -> str | None:
    """Why this training cannot go on from what the package of its family learned (option `start`); None when it can.

    `created_at` are the times of its rows, oldest first: enough of the newest must be newer than what the package
    learned from.
    """
    if name not in RESUMABLE:
        return f"{name} begins anew each time"
    return RESUMABLE[name].start_problem(options, package, created_at)


def load(folder: Path, name: str) -> Model:
    """The model that a package of this family holds; check the package first (registry/package.py)."""
    return family(name).load(folder)


def _members(options: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """Members of a stack with their own options."""
    given = options.get("member_options", {})
    return [(str(member), given.get(member, {})) for member in options.get("members", ())]


def _place(label: Label | str | int) -> int:
    names = [str(known) for known in LABELS]
    if isinstance(label, str):
        if label in names:
            return names.index(label)
    elif not isinstance(label, bool) and isinstance(label, (int, np.integer)) and 0 <= label < len(LABELS):
        return int(label)
    problem = f"a label is one of {', '.join(names)} or its place, 0 to {len(LABELS) - 1}"
    raise BadInput(what=f"label {label!r}", problem=problem)
