"""Vectors of words, combined into one vector for a text.

word2vec: Mikolov et al., NeurIPS 2013, learned from the project's own tweets. GloVe: Pennington, Socher, Manning, EMNLP
2014, as published (6 billion words, 50 dimensions), or any file of that form.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiment_lib.errors import BadInput, MissingExtra, TrainingRefused
from sentiment_lib.families.base import Training
from sentiment_lib.families.embeddings import vector_file
from sentiment_lib.families.embeddings.family import EncodedFamily, Encoder
from sentiment_lib.families.memory import megabytes
from sentiment_lib.families.options import Number, numbers
from sentiment_lib.families.weights.pinned import PINNED, locate
from sentiment_lib.hashing import hash_file
from sentiment_lib.text.tokens import tokenize

VOCABULARY, VECTORS, SOURCE = "words.json", "vectors.npz", "source.json"
#: Sources whose words and vectors are in the model's package: learned by itself, or read from a file.
CARRIED = ("own", "file")
#: Share of a training that is done when word2vec has its vectors.
PART = 0.6
#: A word is learned when it occurs so often.
OFTEN = 2
#: What word2vec may be told.
NUMBERS = {"dimensions": Number(100, 1, 1000), "epochs": Number(10, 1, 1000), "window": Number(5, 1, 100)}


#: Words of a file of vectors that go into the package, beside those of the training: they are the most frequent, and
#: nearly all that a tweet to come may hold. In half precision 10 MB for 50 dimensions, where all 400,000 of GloVe's
#: smallest file would be 40, and all of its largest 1,300.
FREQUENT = 100_000


class WordVectors:
    """Vectors (v, d) of known words with a weight each: weighted mean, and maximum, of a text's words.

    `source` says where the vectors came from; those of a package are pinned, all others are the model's own files.
    """

    def __init__(
        self,
        place: dict[str, int],
        vectors: NDArray[Any],
        weight: NDArray[np.float32] | None,
        source: Mapping[str, str],
    ) -> None:
        self._place = place
        self._vectors = vectors
        self._weight = weight
        self._source = source
        self.weights: tuple[str, ...] = (source["source"],) if source["source"] in PINNED else ()

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors (n, 2 d): mean and maximum; zeros for a text without a known word."""
        wide = self._vectors.shape[1]
        found = np.zeros((len(texts), 2 * wide), dtype=np.float32)
        for row, text in enumerate(texts):
            places = [self._place[word] for word in tokenize(text) if word in self._place]
            if not places:
                continue
            vectors = np.asarray(self._vectors[places], dtype=np.float32)
            weight = None if self._weight is None else self._weight[places]
            found[row, :wide] = np.average(vectors, axis=0, weights=weight)
            found[row, wide:] = vectors.max(axis=0)
        return found

    @property
    def memory_mb(self) -> float:
        """Words and their vectors."""
        return megabytes(self)

    def save(self, folder: Path) -> None:
        """Words and vectors; of those that a package ships only which they are."""
        (folder / SOURCE).write_text(json.dumps(self._source))
        if self._source["source"] in CARRIED:
            (folder / VOCABULARY).write_text(json.dumps(list(self._place), ensure_ascii=False), encoding="utf-8")
            arrays: dict[str, Any] = {"vectors": self._vectors}
            if self._weight is not None:
                arrays["weight"] = self._weight
            np.savez(folder / VECTORS, **arrays)


def learn(training: Training, texts: list[str]) -> Encoder:
    """word2vec (skip-gram) from labelled and unlabelled tweets; words weigh as in tf-idf.

    Progress is told after each pass over the tweets, and a training can be cancelled there.
    """
    try:
        from gensim.models import Word2Vec
        from gensim.models.callbacks import CallbackAny2Vec
    except ImportError as error:
        raise MissingExtra(what="The family word2vec_logreg", package="gensim", extra="vectors") from error
    from sentiment_lib.text.normalise import normalise

    given = numbers("word2vec_logreg", {k: v for k, v in training.options.items() if k in NUMBERS}, NUMBERS)
    sentences = [tokenize(text) for text in (*texts, *(normalise(text) for text in training.unlabelled))]
    counts = Counter(word for sentence in sentences for word in sentence)
    if max(counts.values(), default=0) < OFTEN:
        problem = f"no word occurs {OFTEN} times in its {len(sentences)} tweets: give more, or some without labels"
        raise TrainingRefused(family="word2vec_logreg", problem=problem)

    class Told(CallbackAny2Vec):  # type: ignore[misc]
        """Tells of each pass that is done."""

        done = 0

        def on_epoch_end(self, model: Any) -> None:  # noqa: ARG002
            self.done += 1
            share = PART * self.done / given["epochs"]
            training.report("word2vec_logreg", share, f"word vectors, pass {self.done} of {given['epochs']}")

    # one worker: with more, threads race for the weights and no two trainings agree
    learned = Word2Vec(
        sentences,
        vector_size=given["dimensions"],
        window=given["window"],
        min_count=OFTEN,
        sg=1,
        epochs=given["epochs"],
        workers=1,
        seed=training.seed,
        callbacks=[Told()],
    )
    documents = Counter(word for sentence in sentences for word in set(sentence))
    known = list(learned.wv.index_to_key)
    weight = np.array([math.log((1 + len(sentences)) / (1 + documents[word])) + 1 for word in known], dtype=np.float32)
    return WordVectors(_places(known), learned.wv.vectors.astype(np.float32), weight, {"source": "own"})


def read_carried(folder: Path) -> Encoder:
    """Words and vectors that `WordVectors.save` wrote into the package."""
    source = json.loads((folder / SOURCE).read_text())
    known = json.loads((folder / VOCABULARY).read_text(encoding="utf-8"))
    with np.load(folder / VECTORS, allow_pickle=False) as arrays:
        vectors, weight = arrays["vectors"], arrays.get("weight")
    return WordVectors(_places(known), vectors, weight, source)


def glove(training: Training, texts: list[str]) -> Encoder:
    """The packaged GloVe, or the words of a text file, given as the option `vectors`, that a package can carry."""
    if not (given := str(training.options.get("vectors", ""))):
        return _packaged()
    path = Path(given)
    if not path.is_file():
        problem = f"there is no file {given} on this machine; without the option the packaged GloVe is taken"
        raise BadInput(what="option vectors of glove_logreg", problem=problem)
    known, vectors = vector_file.read(
        path, wanted={word for text in texts for word in tokenize(text)}, frequent=FREQUENT
    )
    source = {"source": "file", "file": path.name, "sha256": hash_file(path)}
    return WordVectors(_places(known), vectors.astype(np.float16), None, source)


def read_glove(folder: Path) -> Encoder:
    """GloVe out of its package or the model's own; a file elsewhere that has changed since is refused."""
    source = json.loads((folder / SOURCE).read_text())["source"]
    if source == "glove-6b-50d":
        return _packaged()
    return read_carried(folder) if source in CARRIED else _elsewhere(source)


def _elsewhere(source: str) -> WordVectors:
    """All words of a text file on this machine: models of before packages carried vectors name its path."""
    path, _, digest = source.rpartition("#sha256=")
    if not Path(path).is_file() or hash_file(Path(path)) != digest:
        raise BadInput(what=f"GloVe file {path}", problem="it is missing or not the one that the model learned with")
    known, vectors = vector_file.read(Path(path))
    return WordVectors(_places(known), vectors, None, {"source": source})


def _places(known: Iterable[str]) -> dict[str, int]:
    return {word: place for place, word in enumerate(known)}


@lru_cache(maxsize=1)
def _packaged() -> WordVectors:
    folder = locate("glove-6b-50d", "glove_logreg")
    import pyarrow.parquet as parquet

    table = parquet.read_table(folder / "glove_6B_index.parquet").to_pandas()
    vectors: Any = np.load(folder / "glove_6B_50d_emb.npy", mmap_mode="r", allow_pickle=False)
    return WordVectors(_index(table), vectors, None, {"source": "glove-6b-50d"})


def _index(table: Any) -> dict[str, int]:
    """Word to row, whichever of the table's columns holds the words."""
    if table.index.dtype == object or str(table.index.dtype) in ("str", "string"):
        return {str(word): int(row) for word, row in zip(table.index, table.iloc[:, 0], strict=True)}
    textual = next(name for name in table.columns if not np.issubdtype(table[name].dtype, np.number))
    numeric = [name for name in table.columns if name != textual]
    rows = table[numeric[0]] if numeric else range(len(table))
    return {str(word): int(row) for word, row in zip(table[textual], rows, strict=True)}


WORD2VEC = EncodedFamily("word2vec_logreg", learn, read_carried, own=NUMBERS, made=PART)
GLOVE = EncodedFamily("glove_logreg", glove, read_glove, others=("vectors",))
