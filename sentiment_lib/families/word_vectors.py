"""Vectors of words, combined into one vector for a text.

word2vec: Mikolov et al., NeurIPS 2013, learned from the project's own tweets. GloVe: Pennington, Socher, Manning, EMNLP
2014, as published (6 billion words, 50 dimensions).
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiment_lib.checksum import sha256_of
from sentiment_lib.errors import BadInput, MissingExtra
from sentiment_lib.families.base import Training
from sentiment_lib.families.encoded import EncodedFamily, Encoder
from sentiment_lib.families.options import Number, numbers
from sentiment_lib.families.weights import PINNED, locate
from sentiment_lib.families.words import words

VOCABULARY, VECTORS, SOURCE = "words.json", "vectors.npz", "source.json"
#: What word2vec may be told.
NUMBERS = {"dimensions": Number(100, 1, 1000), "epochs": Number(10, 1, 1000), "window": Number(5, 1, 100)}


class WordVectors:
    """Vectors (v, d) of known words with a weight each: weighted mean, and maximum, of a text's words."""

    def __init__(
        self, place: dict[str, int], vectors: NDArray[np.float32], weight: NDArray[np.float32] | None, source: str
    ) -> None:
        self._place = place
        self._vectors = vectors
        self._weight = weight
        self._source = source
        self.weights: tuple[str, ...] = (source,) if source in PINNED else ()

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors (n, 2 d): mean and maximum; zeros for a text without a known word."""
        wide = self._vectors.shape[1]
        found = np.zeros((len(texts), 2 * wide), dtype=np.float32)
        for row, text in enumerate(texts):
            places = [self._place[word] for word in words(text) if word in self._place]
            if not places:
                continue
            vectors = self._vectors[places]
            weight = None if self._weight is None else self._weight[places]
            found[row, :wide] = np.average(vectors, axis=0, weights=weight)
            found[row, wide:] = vectors.max(axis=0)
        return found

    def save(self, folder: Path) -> None:
        """Learned words and vectors; for published vectors only which file they are."""
        (folder / SOURCE).write_text(json.dumps({"source": self._source}))
        if self._source == "own" and self._weight is not None:
            (folder / VOCABULARY).write_text(json.dumps(list(self._place), ensure_ascii=False), encoding="utf-8")
            np.savez(folder / VECTORS, vectors=self._vectors, weight=self._weight)


def learn(training: Training, texts: list[str]) -> Encoder:
    """word2vec (skip-gram) from labelled and unlabelled tweets; words weigh as in tf-idf."""
    try:
        from gensim.models import Word2Vec
    except ImportError as error:
        raise MissingExtra(what="The family word2vec_logreg", package="gensim", extra="vectors") from error
    from sentiment_lib.text.normalise import normalise

    given = numbers("word2vec_logreg", {k: v for k, v in training.options.items() if k in NUMBERS}, NUMBERS)
    sentences = [words(text) for text in (*texts, *(normalise(text) for text in training.unlabelled))]
    # one worker: with more, threads race for the weights and no two trainings agree
    learned = Word2Vec(
        sentences,
        vector_size=given["dimensions"],
        window=given["window"],
        min_count=2,
        sg=1,
        epochs=given["epochs"],
        workers=1,
        seed=training.seed,
    )
    documents = Counter(word for sentence in sentences for word in set(sentence))
    known = list(learned.wv.index_to_key)
    weight = np.array([math.log((1 + len(sentences)) / (1 + documents[word])) + 1 for word in known], dtype=np.float32)
    return WordVectors({word: i for i, word in enumerate(known)}, learned.wv.vectors.astype(np.float32), weight, "own")


def read_learned(folder: Path) -> Encoder:
    """Words and vectors that `learn` found."""
    known = json.loads((folder / VOCABULARY).read_text(encoding="utf-8"))
    with np.load(folder / VECTORS, allow_pickle=False) as arrays:
        vectors, weight = arrays["vectors"], arrays["weight"]
    return WordVectors({word: i for i, word in enumerate(known)}, vectors, weight, "own")


def glove(training: Training, texts: list[str]) -> Encoder:
    """The packaged GloVe, or any GloVe text file given as the option `vectors`."""
    return _glove(str(training.options.get("vectors", "")))


def read_glove(folder: Path) -> Encoder:
    """GloVe from where it came from; a file that has changed since is refused."""
    source = json.loads((folder / SOURCE).read_text())["source"]
    if source == "glove-6b-50d":
        return _glove("")
    path, _, digest = source.rpartition("#sha256=")
    if not Path(path).is_file() or sha256_of(Path(path)) != digest:
        raise BadInput(what=f"GloVe file {path}", problem="it is missing or not the one that the model learned with")
    return _glove(path)


@lru_cache(maxsize=2)
def _glove(path: str) -> WordVectors:
    if path:
        return _glove_text(Path(path))
    folder = locate("glove-6b-50d", "glove_logreg")
    import pyarrow.parquet as parquet

    table = parquet.read_table(folder / "glove_6B_index.parquet").to_pandas()
    vectors: Any = np.load(folder / "glove_6B_50d_emb.npy", mmap_mode="r", allow_pickle=False)
    return WordVectors(_index(table), vectors, None, "glove-6b-50d")


def _index(table: Any) -> dict[str, int]:
    """Word to row, whichever of the table's columns holds the words."""
    if table.index.dtype == object or str(table.index.dtype) in ("str", "string"):
        return {str(word): int(row) for word, row in zip(table.index, table.iloc[:, 0], strict=True)}
    textual = next(name for name in table.columns if not np.issubdtype(table[name].dtype, np.number))
    numeric = [name for name in table.columns if name != textual]
    rows = table[numeric[0]] if numeric else range(len(table))
    return {str(word): int(row) for word, row in zip(table[textual], rows, strict=True)}


def _glove_text(path: Path) -> WordVectors:
    place: dict[str, int] = {}
    rows: list[NDArray[np.float32]] = []
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            word, *numbers = line.rstrip().split(" ")
            place[word] = len(rows)
            rows.append(np.array(numbers, dtype=np.float32))
    if not rows or len({len(row) for row in rows}) != 1:
        raise BadInput(what=f"GloVe file {path}", problem="its lines do not all have the same number of values")
    return WordVectors(place, np.vstack(rows), None, f"{path.resolve()}#sha256={sha256_of(path)}")


WORD2VEC = EncodedFamily("word2vec_logreg", learn, read_learned, own=NUMBERS)
GLOVE = EncodedFamily("glove_logreg", glove, read_glove, others=("vectors",))
