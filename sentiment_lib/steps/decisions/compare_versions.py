"""Compare any two versions: on the holdout that judged both, or else on audit labels of tweets that both scored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm
from sqlalchemy import Connection

from sentiment_lib.evaluation.comparison import Comparison
from sentiment_lib.evaluation.evidence_record import Evidence
from sentiment_lib.evaluation.outcome import measure_realised_gain
from sentiment_lib.policy import Policy
from sentiment_lib.records import LABEL_CODES
from sentiment_lib.statistics.metrics import COUNT_METRICS, Ints, compute_metric, confusion_matrix
from sentiment_lib.storage import decisions, later_labels, leaderboard
from sentiment_lib.text.copies import first_of_each

#: Of the intervals that no decision recorded.
CONFIDENCE = 0.95


@dataclass(frozen=True, kw_only=True)
class VersionComparison:
    """Version `one` minus version `other` on the same labelled rows."""

    one: int
    other: int
    #: what the rows are, as a sentence
    basis: str
    metric: str
    rows: int
    difference: float
    #: bounds at `confidence`; None with too few labels
    low: float | None
    high: float | None
    confidence: float
    #: confusion matrices (3, 3) of both versions: rows are true labels
    confusion: tuple[Ints, Ints]
    #: decisions whose evidence this is
    decision_ids: tuple[int, ...] = ()

    @property
    def metrics(self) -> Mapping[str, tuple[float, float]]:
        """Each metric of confusion matrices, of both versions."""
        one, other = self.confusion
        return {name: (float(compute_metric(one, name)), float(compute_metric(other, name))) for name in COUNT_METRICS}


def run(connection: Connection, one: int, other: int, policy: Policy) -> VersionComparison | None:
    """The comparison with the best basis; None when no labelled row was read by both.

    A decision on the pair counts first, then two decisions on one holdout against the same champion, then audit labels.
    Raises BadInput when recorded evidence cannot be parsed, NotFound for an unknown version.
    """
    if decision_id := leaderboard.decision_on_pair(connection, one, other):
        return _of_decision(connection, one, other, decision_id)
    if found := leaderboard.decisions_on_one_holdout(connection, one, other):
        compared = _against_one_champion(connection, one, other, found)
        if compared:
            return compared
    return of_audit_labels(connection, one, other, policy)


def _of_decision(connection: Connection, one: int, other: int, decision_id: int) -> VersionComparison:
    evidence = _evidence(connection, decision_id)
    main, flipped = evidence.comparison.main, evidence.candidate.version != one
    bounds = (-main.high, -main.low) if flipped else (main.low, main.high)
    candidate, champion = evidence.candidate_confusion, evidence.champion_confusion
    return VersionComparison(
        one=one,
        other=other,
        basis=f"The {evidence.rows:,} holdout rows of decision {decision_id}, on which neither was trained.",
        metric=main.metric,
        rows=evidence.rows,
        difference=-main.difference if flipped else main.difference,
        low=bounds[0],
        high=bounds[1],
        confidence=1 - 2 * main.level,
        confusion=(champion, candidate) if flipped else (candidate, champion),
        decision_ids=(decision_id,),
    )


def _against_one_champion(
    connection: Connection, one: int, other: int, found: tuple[int, int]
) -> VersionComparison | None:
    """Both against one champion on the same rows; None when the rows differ.

    The joint distribution of the two is not recorded. Their difference is the difference of two paired differences, so
    its standard deviation is at most the sum of theirs: the interval is conservative.
    """
    first, second = (_evidence(connection, decision_id) for decision_id in found)
    if not _same_rows(first.comparison, second.comparison):
        return None
    mains = first.comparison.main, second.comparison.main
    half = float(norm.isf((1 - CONFIDENCE) / 2)) * sum(main.row_deviation for main in mains) / np.sqrt(first.rows)
    difference = mains[0].difference - mains[1].difference
    return VersionComparison(
        one=one,
        other=other,
        basis=f"The {first.rows:,} holdout rows of decisions {found[0]} and {found[1]}, which compared each with "
        f"version {first.champion.version}; the interval is conservative.",
        metric=mains[0].metric,
        rows=first.rows,
        difference=difference,
        low=float(difference - half),
        high=float(difference + half),
        confidence=CONFIDENCE,
        confusion=(first.candidate_confusion, second.candidate_confusion),
        decision_ids=found,
    )


def _same_rows(first: Comparison, second: Comparison) -> bool:
    """Whether both comparisons saw the same labels and the same predictions of the champion."""
    seen = [np.asarray(compared.cells).sum(axis=2) for compared in (first, second)]
    return first.main.metric == second.main.metric and bool((seen[0] == seen[1]).all())


def of_audit_labels(connection: Connection, one: int, other: int, policy: Policy) -> VersionComparison | None:
    """The comparison on audit labels; None when none is of a tweet that both scored and neither learned from."""
    rows = later_labels.of_pair(connection, champion=other, candidate=one, auditors=policy.label.auditors)
    rows = [row for row, first in zip(rows, first_of_each([row.text for row in rows]), strict=True) if first]
    if not rows:
        return None
    labels, old, new = (
        np.array([LABEL_CODES[getattr(row, name)] for row in rows]) for name in ("label", "champion", "candidate")
    )
    metric = policy.gate.main_metric
    found = measure_realised_gain(
        labels, old, new, [row.inclusion for row in rows], metric=metric, prices=policy.prices
    )
    confusion = confusion_matrix(labels, new), confusion_matrix(labels, old)
    counted = [float(compute_metric(matrix, metric)) for matrix in confusion]
    return VersionComparison(
        one=one,
        other=other,
        basis=f"{len(rows):,} audit labels of tweets that both scored and neither was trained on.",
        metric=metric,
        rows=len(rows),
        difference=counted[0] - counted[1] if found.gain is None else found.gain,
        low=found.low,
        high=found.high,
        confidence=CONFIDENCE,
        confusion=confusion,
    )


def _evidence(connection: Connection, decision_id: int) -> Evidence:
    return Evidence.from_json(decisions.full_record(connection, decision_id).evidence)
