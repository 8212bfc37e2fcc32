"""Features of a bag of words: n-grams of words and characters, as counts or tf-idf."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sentiment_lib.records import LABELS
from sentiment_lib.text.tokens import FEATURE_PATTERN, tokenize

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

#: Arguments of scikit-learn's vectorisers, by family.
PARTS: dict[str, list[dict[str, Any]]] = {
    "count_logreg": [{"analyzer": "word", "ngram_range": (1, 2), "min_df": 2}],
    "tfidf_logreg": [
        {"analyzer": "word", "ngram_range": (1, 2), "sublinear_tf": True},
        {"analyzer": "char_wb", "ngram_range": (2, 5), "sublinear_tf": True, "min_df": 2},
    ],
}


def configure_parts(family: str, options: Mapping[str, Any]) -> list[dict[str, Any]]:
    """PARTS of the family with the options `words`, `characters` and `min_df` applied; None keeps the default."""
    parts = []
    for part in PARTS[family]:
        configured = dict(part)
        longest = options.get("words" if part["analyzer"] == "word" else "characters")
        if longest is not None:
            configured["ngram_range"] = (part["ngram_range"][0], longest)
        # tf-idf keeps every word
        if options.get("min_df") is not None and "min_df" in part:
            configured["min_df"] = options["min_df"]
        parts.append(configured)
    return parts


def make_vectoriser(family: str, part: dict[str, Any], vocabulary: dict[str, int] | None = None) -> Any:
    """scikit-learn's vectoriser of one part."""
    from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

    vectoriser = TfidfVectorizer if family == "tfidf_logreg" else CountVectorizer
    pattern = {"token_pattern": FEATURE_PATTERN} if part["analyzer"] == "word" else {}
    return vectoriser(lowercase=True, dtype=np.float32, vocabulary=vocabulary, **part, **pattern)


def tfidf_matrix(vectorisers: Sequence[Any], texts: Sequence[str]) -> csr_matrix:
    """Tf-idf (n, features) of normalised texts: TfidfVectorizer's `transform` without its input checks.

    Those checks take longer than transforming a single tweet.
    """
    from scipy.sparse import hstack
    from sklearn.feature_extraction.text import CountVectorizer

    parts = []
    for vectoriser in vectorisers:
        counts = CountVectorizer.transform(vectoriser, texts)
        values = ((np.log(counts.data) + 1) * vectoriser.idf_[counts.indices]).astype(np.float32)
        row = np.repeat(np.arange(len(texts)), np.diff(counts.indptr))
        lengths = np.sqrt(np.bincount(row, weights=values * values, minlength=len(texts)))
        counts.data = (values / lengths[row]).astype(np.float32)
        parts.append(counts)
    return hstack(parts, format="csr")


def nb_log_count_ratio(
    matrix: csr_matrix, labels: NDArray[np.int64], absent: Sequence[int] = ()
) -> NDArray[np.float32]:
    """Naive-Bayes weight of each feature (features,): its largest absolute log-count ratio over the classes.

    Classes that are absent from the task have no ratio.

    Wang, Manning 2012, "Baselines and Bigrams", ACL; here with one weight for all classes.
    """
    present = matrix.copy()
    present.data = np.ones_like(present.data)
    ratios = []
    for label in range(len(LABELS)):
        if label in absent:
            continue
        own, others = (np.asarray(present[rows].sum(axis=0)).ravel() + 1 for rows in (labels == label, labels != label))
        ratios.append(np.abs(np.log((own / own.sum()) / (others / others.sum()))))
    return np.asarray(np.max(ratios, axis=0), dtype=np.float32)


def occurrences(vectoriser: Any, words: Sequence[str]) -> Iterator[tuple[str, int]]:
    """(feature, index of its word) for each occurrence of a feature in the words of a text.

    A single word comes twice and a pair of words once for each of the two, so that both count the same.
    """
    analyse = vectoriser.build_analyzer()
    if vectoriser.analyzer == "char_wb":  # never crosses white space
        for index, word in enumerate(words):
            yield from ((feature, index) for feature in analyse(word))
        return
    split = [(token, index) for index, word in enumerate(words) for token in tokenize(word)]
    for token, index in split:
        yield from ((token, index), (token, index))
    for (token, first), (next_token, second) in pairwise(split):
        yield from ((f"{token} {next_token}", first), (f"{token} {next_token}", second))
