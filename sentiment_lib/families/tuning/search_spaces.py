"""What a search may choose from: for each family its options, and the values that each may take.

Values lie around the default, which is always tried and stands nowhere here: it is a training without options. A family
that is missing has nothing to search: lexicons fit all they have, and a stack's members are searched one by one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

STRENGTHS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
SPACES: dict[str, dict[str, tuple[Any, ...]]] = {
    "count_logreg": {
        "strength": (0.03, 0.06, 0.1, 0.2, 0.4, 0.8),
        "words": (1, 2),
        "min_df": (1, 2, 3, 5),
    },
    "tfidf_logreg": {
        "strength": (0.03, 0.06, 0.1, 0.2, 0.4, 0.8, 1.6),
        "words": (1, 2),
        "characters": (4, 5, 6),
        "min_df": (1, 2, 3, 5),
    },
    "fasttext": {
        "rate": (0.05, 0.1, 0.2, 0.3, 0.5, 0.8),
        "epochs": (5, 10, 15, 25),
        "dimensions": (10, 20, 50),
        "words": (1, 2, 3),
        "characters": (0, 4, 5, 6),
    },
    "word2vec_logreg": {
        "strength": STRENGTHS,
        "dimensions": (50, 100, 200),
        "epochs": (5, 10, 20),
        "window": (3, 5, 8),
    },
    "glove_logreg": {"strength": STRENGTHS},
    "use_logreg": {"strength": STRENGTHS},
    "sentence_encoder_logreg": {"strength": STRENGTHS},
    "bert": {
        "rate": (5e-5, 1e-4, 2e-4),
        "head_rate": (5e-4, 1e-3, 2e-3),
        "epochs": (1, 2, 3),
        "batch": (16, 32),
        "smoothing": (0.0, 0.05, 0.1),
        "words_left_out": (0.0, 0.1),
        "consistency": (0.0, 1.0),
        "balance": (0.0, 0.5, 1.0),
    },
    "mpnet": {
        "rate": (2e-5, 3e-5, 5e-5),
        "epochs": (1, 2),
        "consistency": (0.0, 1.0),
        "balance": (0.0, 0.5, 1.0),
    },
    "tweet_roberta": {
        "rate": (1e-5, 2e-5, 4e-5),
        "epochs": (1, 2, 3),
        "batch": (16, 32),
        "smoothing": (0.0, 0.05, 0.1),
    },
}


def space(family: str, options: Mapping[str, Any]) -> dict[str, tuple[Any, ...]]:
    """What is left to search when these options are given; empty when nothing is."""
    if family == "tweet_roberta" and not options.get("fine_tune"):
        return {}  # taken as it is, it has no recipe
    known = SPACES.get(family, {})
    if options.get("model") == "complement_nb":
        # its smoothing is the inverse of what the table means for a regression
        known = {name: values for name, values in known.items() if name != "strength"}
    return {name: values for name, values in known.items() if name not in options}
