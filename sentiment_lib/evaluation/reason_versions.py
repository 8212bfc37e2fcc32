"""Reasons of the gate as they were worded when a decision was made: its evidence holds them, byte for byte.

Verdicts and figures are those of the gate; only the words of a reason differ from wording to wording.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from sentiment_lib.records import RuleVerdict

FIRST, NEWEST = 1, 2
#: the rule whose reason tells the wordings apart; every decision has it
TELLING = "holdout rows"
UNITS = {"cost: p99 latency": "ms", "cost: memory": "MB", "cost: artefact size": "MB"}


def of(rules: Iterable[Mapping[str, Any]]) -> int:
    """The wording of recorded rules (RuleVerdict as mappings): "350 of 100 rows" was the first."""
    return FIRST if any(rule["rule"] == TELLING and rule["reason"].endswith(" rows") for rule in rules) else NEWEST


def worded(rules: Iterable[RuleVerdict], wording: int) -> tuple[RuleVerdict, ...]:
    """The same verdicts in another wording."""
    return tuple(rules) if wording == NEWEST else tuple(map(_first, rules))


def _first(rule: RuleVerdict) -> RuleVerdict:
    if rule.rule == TELLING:
        return replace(rule, reason=f"{rule.figure} of {rule.bound} rows")
    if rule.rule in UNITS:
        return replace(rule, reason=f"{rule.figure:.3g} {UNITS[rule.rule]} of {rule.bound:.3g}")
    return rule
