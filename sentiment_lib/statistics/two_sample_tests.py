"""Tests of two samples, each with an effect on one scale: the largest difference of two shares (0 to 1)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from scipy import stats

#: Classes with fewer expected rows than this are put together before a chi-square test.
FEWEST = 5


def continuous(reference: np.ndarray, current: np.ndarray) -> tuple[float, float]:
    """Kolmogorov-Smirnov distance and its asymptotic p-value (conservative with ties)."""
    result = stats.ks_2samp(reference, current, method="asymp")
    return float(result.statistic), float(result.pvalue)


def discrete(reference: Sequence[object], current: Sequence[object]) -> tuple[float, float]:
    """Largest difference of a class share, and the chi-square p-value; rare classes are taken together."""
    left, right = Counter(reference), Counter(current)
    table: list[tuple[int, int]] = []
    rest = [0, 0]
    share = len(current) / (len(reference) + len(current))
    for name in left.keys() | right.keys():
        pair = (left[name], right[name])
        if sum(pair) * min(share, 1 - share) < FEWEST:
            rest[0] += pair[0]
            rest[1] += pair[1]
        else:
            table.append(pair)
    if sum(rest) * min(share, 1 - share) >= FEWEST or (rest != [0, 0] and not table):
        table.append((rest[0], rest[1]))
    if len(table) < 2:
        return 0.0, 1.0
    counts = np.array(table, dtype=float)
    p_value = float(stats.chi2_contingency(counts, correction=len(table) == 2).pvalue)
    shares = counts / counts.sum(axis=0)
    return float(np.abs(shares[:, 1] - shares[:, 0]).max()), p_value


def vectors(
    reference: np.ndarray, current: np.ndarray, *, seed: int, rounds: int = 999, features: int = 128
) -> tuple[float, float]:
    """Maximum mean discrepancy with random Fourier features, and its permutation p-value.

    Gretton et al. 2012 (JMLR 13); Rahimi and Recht 2007. Rows are vectors; the effect is the discrepancy of the
    bounded feature means (0: same).
    """
    random = np.random.default_rng(seed)
    both = np.vstack([reference, current]).astype(np.float64)
    pairs = random.integers(0, len(both), size=(2, 500))
    width = float(np.median(np.linalg.norm(both[pairs[0]] - both[pairs[1]], axis=1))) or 1.0
    waves = both @ (random.standard_normal((both.shape[1], features)) / width) + random.uniform(0, 2 * np.pi, features)
    mapped = np.cos(waves) * np.sqrt(2 / features)
    mapped -= mapped.mean(axis=0)
    n, m = len(reference), len(current)
    signs = np.concatenate([np.full(n, -1 / n), np.full(m, 1 / m)])
    observed = float(np.linalg.norm(signs @ mapped))
    shuffled = np.array([np.linalg.norm(random.permutation(signs) @ mapped) for _ in range(rounds)])
    return observed, float((1 + np.sum(shuffled >= observed - 1e-12)) / (rounds + 1))


def word_shares(reference: Sequence[set[str]], current: Sequence[set[str]]) -> list[tuple[str, float, float, float]]:
    """Words by how surely their share of tweets moved: (word, share before, share now, p-value of Fisher's test).

    The p-values are one-sided in the direction of the move and doubled, not yet corrected for the number of words.
    """
    left = Counter(word for one in reference for word in one)
    right = Counter(word for one in current for word in one)
    names = [word for word in left.keys() | right.keys() if left[word] + right[word] >= FEWEST]
    if not names:
        return []
    n, m = len(reference), len(current)
    before = np.array([left[name] for name in names])
    now = np.array([right[name] for name in names])
    total = before + now
    grown = stats.hypergeom.sf(now - 1, n + m, total, m)
    shrunk = stats.hypergeom.cdf(now, n + m, total, m)
    p_values = np.minimum(1, 2 * np.minimum(grown, shrunk))
    order = np.argsort(p_values, kind="stable")
    return [(names[i], before[i] / n, now[i] / m, float(p_values[i])) for i in order]


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjusted p-values: those at or below a keep the chance of any false alarm at a."""
    order = np.argsort(p_values, kind="stable")
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, p_values[index] * (len(p_values) - rank)))
        adjusted[index] = largest
    return adjusted
