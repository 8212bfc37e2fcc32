"""Worlds in which the truth is known: a stream of tweets, a model, people who label a random sample of it.

A class is drawn from the day's shares; the model sees its one-hot vector times 2 plus normal noise, and answers with
the posterior of equal Gaussians, sharpened (overconfident) or softened by a power. People see the class, give another
one with the world's error rate, and skip tweets on which the model's top probability is low. Everything is independent
from draw to draw; the true value of a metric is that of a million tweets.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np

from sentiment_lib.statistics.metrics import Floats, Ints, compute_metric, confusion_matrix
from sentiment_lib.statistics.sampled_quality import LabelledSample

#: Tweets of a day that the model scored, and tweets from which the truth is computed.
STREAM, TRUTH = 2000, 1_000_000
BALANCED, USUAL, RARE, RARER = (0.34, 0.33, 0.33), (0.63, 0.21, 0.16), (0.8, 0.15, 0.05), (0.88, 0.09, 0.03)
RAREST = (0.9, 0.07, 0.03)


@dataclass(frozen=True, kw_only=True)
class World:
    """How a day of the stream, the model and the people who label are drawn."""

    name: str
    prior: tuple[float, float, float] = USUAL
    #: of what the model sees; 1.5 gives an accuracy of about 80 %
    noise: float = 1.5
    #: power of the probabilities: 1 is calibrated, 3 overconfident
    sharpness: float = 1.0
    #: random audit labels of the day
    labels: int = 200
    #: share of answers that are another class, and tweets labelled twice
    annotator_error: float = 0.0
    pairs: int = 400
    #: share of the least certain 30 % that people skip
    skipped: float = 0.0
    #: share of audit draws from the first class's predictions, relative to the others
    uneven: float = 1.0
    #: standard deviation of the first class's share from day to day
    day_spread: float = 0.0
    #: share of tweets that are copies of another one, in clusters of 8
    copies: float = 0.0


WORLDS = (
    World(name="balanced, 60 labels", prior=BALANCED, labels=60),
    World(name="usual, 60 labels", labels=60),
    World(name="usual, 200 labels"),
    World(name="usual, 2,000 labels", labels=2000),
    World(name="hard, 100 labels", noise=2.0, labels=100),
    World(name="overconfident, 200 labels", sharpness=3.0),
    World(name="underconfident, 300 labels", sharpness=0.6, labels=300),
    World(name="5 % rare class, 200 labels", prior=RARE),
    World(name="3 % rare class, 500 labels", prior=RARER, labels=500),
    World(name="uneven draws, 300 labels", uneven=0.3, labels=300),
    World(name="5 % annotator error, 300 labels", annotator_error=0.05, labels=300),
    World(name="10 % annotator error, 300 labels", annotator_error=0.1, labels=300),
    World(name="90/7/3 with 5 % annotator error", prior=RAREST, labels=500, annotator_error=0.05),
    World(name="90/7/3 with 10 % annotator error", prior=RAREST, labels=500, annotator_error=0.1),
    World(name="90/7/3 with 10 % error, 2,000 pairs", prior=RAREST, labels=1200, annotator_error=0.1, pairs=2000),
    World(name="10 % annotator error, nothing labelled twice", annotator_error=0.1, pairs=0),
    World(name="half of the hardest 30 % skipped", skipped=0.5),
    World(name="skipped, uneven draws, 5 % annotator error", skipped=0.5, uneven=0.3, annotator_error=0.05),
    World(name="10 % copies, 200 labels", copies=0.1),
    World(name="shares move by the day", day_spread=0.06),
)


@dataclass(frozen=True, kw_only=True)
class Day:
    """A day as the platform sees it."""

    population: Floats
    sample: LabelledSample
    #: counts (3, 3) of pairs of labels
    pairs: Ints


def tweets(world: World, rows: int, random: np.random.Generator, share: float | None = None) -> tuple[Ints, Floats]:
    """True classes (n,) and the model's probabilities (n, 3); share: of the first class, the world's when None."""
    prior = np.array(world.prior)
    if share is not None:
        prior = np.array([share, *(prior[1:] / prior[1:].sum() * (1 - share))])
    labels = np.searchsorted(prior.cumsum()[:-1], random.random(rows), side="right")
    seen = 2 * np.eye(3)[labels] + random.normal(0, world.noise, (rows, 3))
    scores = world.sharpness * (np.log(world.prior) + 2 * seen / world.noise**2)
    proba = np.exp(scores - scores.max(axis=1, keepdims=True))
    return labels, proba / proba.sum(axis=1, keepdims=True)


def answers(labels: Ints, error: float, random: np.random.Generator) -> Ints:
    """What people say of true classes (n,): another class with the error rate."""
    wrong = random.random(labels.size) < error
    return np.asarray(np.where(wrong, (labels + random.integers(1, 3, labels.size)) % 3, labels))


@lru_cache(maxsize=2)
def truth(world: World, share: float | None = None) -> tuple[Ints, Floats]:
    """A million tweets of the world."""
    return tweets(world, TRUTH, np.random.default_rng(20150216), share)


@cache
def true_confusion(world: World, share: float | None = None) -> Ints:
    """Confusion matrix of the model in this world, on a million tweets."""
    labels, proba = truth(world, share)
    return confusion_matrix(labels, proba.argmax(axis=1))


def true_metric(world: World, metric: str, share: float | None = None) -> float:
    """The metric of the model in this world."""
    return float(compute_metric(true_confusion(world, share), metric))


def draw_day(world: World, random: np.random.Generator, share: float | None = None) -> Day:
    """One day: the stream, a random sample of labels, and the double answers so far."""
    labels, proba = tweets(world, STREAM, random, share)
    predicted = proba.argmax(axis=1)
    chance = np.where(predicted == 0, world.uneven, 1.0)
    chance = np.minimum(chance * world.labels / chance.sum(), 1.0)
    drawn = np.flatnonzero(random.random(STREAM) < chance)
    hard = proba[drawn].max(axis=1) < np.quantile(proba.max(axis=1), 0.3)
    left_out = hard & (random.random(drawn.size) < world.skipped)
    kept = drawn[~left_out]
    twice, _ = tweets(world, world.pairs, random)
    return Day(
        population=proba,
        sample=LabelledSample(
            labels=answers(labels[kept], world.annotator_error, random),
            proba=proba[kept],
            inclusion=chance[kept],
            skipped=proba[drawn[left_out]],
            skipped_inclusion=chance[drawn[left_out]],
        ),
        pairs=confusion_matrix(
            answers(twice, world.annotator_error, random), answers(twice, world.annotator_error, random)
        ),
    )
