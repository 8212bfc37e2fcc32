import json
from dataclasses import asdict

import numpy as np
import pytest

from sentiment_lib.evaluation import report
from sentiment_lib.evaluation.canonical import canonical_json
from sentiment_lib.evaluation.comparison import compare
from sentiment_lib.evaluation.gate import decide
from sentiment_lib.policy import GatePolicy

POLICY = GatePolicy(bootstrap_rounds=500)


@pytest.fixture
def evidence(dice):
    labels, champion, candidate = dice(400, 0.6, 0.75)
    masks = {"airline <b>|x": np.arange(400) < 200}
    compared = compare(labels, champion, candidate, slices=masks, policy=POLICY)
    answer, rules = decide(compared, POLICY)
    body = {
        "answer": answer,
        "rules": [asdict(rule) for rule in rules],
        "comparison": compared.as_dict(),
        "candidate": {"version": 7, "family": "tfidf_logreg"},
        "champion": {"version": 3, "family": "vader"},
    }
    return json.loads(canonical_json(body))


def test_the_markdown_shows_the_answer_both_versions_every_rule_and_the_hash(evidence):
    shown = report.markdown(evidence, evidence_hash="ab" * 32)
    assert shown.startswith("**PROMOTE** on 400 holdout rows")
    assert "champion 3 (vader)" in shown
    assert "candidate 7 (tfidf_logreg)" in shown
    assert shown.count("| ✓ |") == len(evidence["rules"])
    assert "ab" * 32 in shown
    assert "+1 points" in shown


def test_names_cannot_break_the_table_or_the_page(evidence):
    assert "\\|x" in report.markdown(evidence)
    page = report.html(evidence)
    assert "<b>" not in page
    assert "&lt;b&gt;" in page


def test_the_page_stands_alone_and_draws_each_judged_difference(evidence):
    page = report.html(evidence, evidence_hash="cd" * 32)
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")
    judged = 1 + len(evidence["comparison"]["guards"]) + 1
    assert page.count("<circle") == judged
    assert len(page) < 20_000
