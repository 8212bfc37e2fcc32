"""Versions of the gate's reasons: recorded evidence contains them verbatim, so replays need the old wordings.

Verdicts and figures do not depend on the version; only the text of a reason does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from sentiment_lib.records import RuleVerdict

FIRST, NEWEST = 1, 2
#: every decision has this rule; its reason identifies the version
MARKER_RULE = "holdout rows"
UNITS = {"cost: p99 latency": "ms", "cost: memory": "MB", "cost: artefact size": "MB"}


def detect_version(rules: Iterable[Mapping[str, Any]]) -> int:
    """The version of recorded rules (RuleVerdict as mappings): the first says "350 of 100 rows"."""
    first = any(rule["rule"] == MARKER_RULE and rule["reason"].endswith(" rows") for rule in rules)
    return FIRST if first else NEWEST


def apply_version(rules: Iterable[RuleVerdict], version: int) -> tuple[RuleVerdict, ...]:
    """The same verdicts with the reasons of another version."""
    return tuple(rules) if version == NEWEST else tuple(map(_first, rules))


def _first(rule: RuleVerdict) -> RuleVerdict:
    if rule.rule == MARKER_RULE:
        return replace(rule, reason=f"{rule.figure} of {rule.bound} rows")
    if rule.rule in UNITS:
        return replace(rule, reason=f"{rule.figure:.3g} {UNITS[rule.rule]} of {rule.bound:.3g}")
    return rule
