"""Evidence of a decision between two simulated models."""

import numpy as np
import pytest

from sentiment_lib.evaluation import checklist, data_checks
from sentiment_lib.evaluation.comparison import compare
from sentiment_lib.evaluation.cost import Cost
from sentiment_lib.evaluation.evidence_record import EvaluatedVersion, Evidence
from sentiment_lib.evaluation.gate import decide
from sentiment_lib.policy import GatePolicy

POLICY = GatePolicy(bootstrap_rounds=200)
CANDIDATE = EvaluatedVersion(version=7, family="tfidf_logreg", digest="b" * 64)
CHAMPION = EvaluatedVersion(version=3, family="vader", digest="a" * 64)


@pytest.fixture
def models(dice):
    return dice(400, 0.6, 0.75)


@pytest.fixture
def evidence(models):
    labels, champion, candidate = models
    compared = compare(
        labels,
        champion,
        candidate,
        slices={"airline <b>|x": np.arange(400) < 200, "few": np.arange(400) < 9},
        policy=POLICY,
    )
    verdict, rules = decide(compared, POLICY)
    return Evidence(
        snapshot_id=2,
        snapshot_hash="c" * 64,
        candidate=CANDIDATE,
        champion=CHAMPION,
        rows=400,
        excluded_rows=3,
        looks_before=1,
        comparison=compared,
        checklist=checklist.run(lambda texts: np.full((len(texts), 3), 1 / 3)),
        cost=Cost(p99_ms=3.5, memory_mb=120.0),
        data_checks=data_checks.check(["one", "two"], [0, 1], ["three"], [0]),
        policy=POLICY.model_dump(mode="json"),
        verdict=verdict,
        rules=rules,
    )
