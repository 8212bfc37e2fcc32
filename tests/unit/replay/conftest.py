"""A small history whose words change meaning half way, and its cube."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from sentiment_lib.policy import Policy
from sentiment_lib.replay import blocks, cube
from sentiment_lib.replay.cell import Recipe
from sentiment_lib.replay.history import History

ROWS = 1500
POLICY = Policy.model_validate(
    {"retrain": {"minimum_rows": 60}, "snapshot": {"minimum_holdout": 30}, "gate": {"bootstrap_rounds": 300}}
)
RECIPE = Recipe(family="count_logreg", options={"c": 0.3})


def small_history(rows: int = ROWS, classes: int = 3) -> History:
    """Tweets a minute apart; a word of the class is in most of them, and other words in the second half."""
    random = np.random.default_rng(5)
    labels = random.choice([0, 1, 2] if classes == 3 else [0, 2], size=rows)
    words = np.array(["bad late angry", "gate flight seat", "great thanks love"])
    later = np.array(["awful stuck rude", "bag row ticket", "super kind best"])
    texts = []
    for number, label in enumerate(labels):
        shown = label if random.random() < 0.8 else random.integers(3)
        own = str(random.choice((words if number < rows / 2 else later)[shown].split()))
        filler = " ".join("".join(random.choice(list("abcdefghij"), 4)) for _ in range(5))
        texts.append(f"{own} {filler}")
    return History.from_frame(
        "small",
        pd.DataFrame(
            {
                "tweet_id": np.arange(rows) + 1,
                "text": texts,
                "created_at": [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=n) for n in range(rows)],
                "label": labels,
                "airline": None,
                "language": "en",
            }
        ),
    )


@pytest.fixture(scope="module")
def cells(tmp_path_factory):
    """Folder of stored cells that the tests of a module share."""
    return tmp_path_factory.mktemp("cells")


@pytest.fixture(scope="module")
def small(cells):
    """The cube of six blocks."""
    history = small_history()
    return cube.build(history, blocks.parse(history, "6 blocks"), RECIPE, POLICY, cells)
