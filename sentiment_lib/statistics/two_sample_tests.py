"""Two-sample tests, each with an effect size: the largest difference of two shares (0 to 1), except for `mmd_test`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from scipy import stats

from sentiment_lib.statistics.metrics import Floats

#: Classes with a lower expected count are merged before a chi-square test (Cochran 1954, Biometrics 10 (4)).
MIN_EXPECTED = 5
#: Permutations that reach the observed statistic from which their share is the p-value.
TAIL_REACHED = 10


def ks_test(reference: Floats, current: Floats) -> tuple[float, float]:
    """Kolmogorov-Smirnov distance of samples (n,) and (m,), and its asymptotic p-value (conservative with ties)."""
    result = stats.ks_2samp(reference, current, method="asymp")
    return float(result.statistic), float(result.pvalue)


def chi_square_test(reference: Sequence[object], current: Sequence[object]) -> tuple[float, float]:
    """Largest difference of a class's share, and the p-value of the chi-square test; rare classes are merged."""
    before, now = Counter(reference), Counter(current)
    table: list[tuple[int, int]] = []
    rare = [0, 0]
    share = len(current) / (len(reference) + len(current))
    for name in before.keys() | now.keys():
        pair = (before[name], now[name])
        if sum(pair) * min(share, 1 - share) < MIN_EXPECTED:
            rare[0] += pair[0]
            rare[1] += pair[1]
        else:
            table.append(pair)
    if sum(rare) * min(share, 1 - share) >= MIN_EXPECTED or (rare != [0, 0] and not table):
        table.append((rare[0], rare[1]))
    if len(table) < 2:
        return 0.0, 1.0
    counts = np.array(table, dtype=float)
    p_value = float(stats.chi2_contingency(counts, correction=len(table) == 2).pvalue)
    shares = counts / counts.sum(axis=0)
    return float(np.abs(shares[:, 1] - shares[:, 0]).max()), p_value


def mmd_test(
    reference: Floats, current: Floats, *, seed: int, rounds: int = 999, features: int = 128
) -> tuple[float, float]:
    """Maximum mean discrepancy of vectors (n, d) and (m, d), and its permutation p-value.

    Gaussian kernel with the median heuristic, by random Fourier features: Gretton et al. 2012, JMLR 13; Rahimi, Recht
    2007, NeurIPS. The effect is the distance of the mean feature vectors (0: equal).
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
    permuted = np.array([np.linalg.norm(random.permutation(signs) @ mapped) for _ in range(rounds)])
    return observed, permutation_p_value(observed, permuted)


def word_shares(reference: Sequence[set[str]], current: Sequence[set[str]]) -> list[tuple[str, float, float, float]]:
    """Words by p-value of the change of their share of texts: (word, share before, share now, p-value).

    Each text is its set of words. Fisher's exact test (Fisher 1922), one-sided in the direction of the change and
    doubled; not corrected for the number of words.
    """
    texts_before = Counter(word for words in reference for word in words)
    texts_now = Counter(word for words in current for word in words)
    names = [
        word for word in texts_before.keys() | texts_now.keys() if texts_before[word] + texts_now[word] >= MIN_EXPECTED
    ]
    if not names:
        return []
    n, m = len(reference), len(current)
    before = np.array([texts_before[name] for name in names])
    now = np.array([texts_now[name] for name in names])
    total = before + now
    grown = stats.hypergeom.sf(now - 1, n + m, total, m)
    shrunk = stats.hypergeom.cdf(now, n + m, total, m)
    p_values = np.minimum(1, 2 * np.minimum(grown, shrunk))
    order = np.argsort(p_values, kind="stable")
    return [(names[i], before[i] / n, now[i] / m, float(p_values[i])) for i in order]


def holm(p_values: Sequence[float], weights: Sequence[float] | None = None) -> list[float]:
    """Holm's adjusted p-values: rejecting those at or below a keeps the family-wise error rate at a.

    Larger weights give a test a larger part of the level; they must not depend on the data. Holm 1979, "A Simple
    Sequentially Rejective Multiple Test Procedure", Scandinavian Journal of Statistics 6 (2).
    """
    parts = np.ones(len(p_values)) if weights is None else np.asarray(weights, dtype=np.float64)
    order = np.argsort(np.asarray(p_values) / parts, kind="stable")
    adjusted = [0.0] * len(p_values)
    largest, remaining = 0.0, float(parts.sum())
    for index in order:
        largest = max(largest, min(1.0, p_values[index] / parts[index] * remaining))
        adjusted[index] = largest
        remaining -= float(parts[index])
    return adjusted


def permutation_p_value(observed: float, permuted: Floats) -> float:
    """One-sided p-value of a statistic among its permuted values (k,).

    The share that reaches it; beyond the reach of k permutations, the tail of a Pearson type III distribution with
    their first three moments: Mielke, Berry, Brier 1981, Monthly Weather Review 109 (1); Knijnenburg et al. 2009,
    "Fewer permutations, more accurate P-values", Bioinformatics 25 (12).
    """
    reached = int((permuted >= observed - 1e-12).sum())
    counted = (1 + reached) / (1 + len(permuted))
    deviation = float(permuted.std())
    if reached >= TAIL_REACHED or deviation == 0:
        return counted
    skewness = float(np.clip(stats.skew(permuted), 0.01, 10))
    return min(counted, float(stats.pearson3.sf((observed - permuted.mean()) / deviation, skewness)))
