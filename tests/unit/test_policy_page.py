"""docs/policy.md explains every rule: its default, and an example that the policy accepts."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from sentiment_lib.policy import Policy
from sentiment_lib.settings import load_settings

PAGE = (Path(__file__).parents[2] / "docs/policy.md").read_text()
SECTIONS = {part.split("\n", 1)[0]: part for part in PAGE.split("\n## ")[1:]}
RULES = [(section, rule) for section, field in Policy.model_fields.items() for rule in field.annotation.model_fields]
UNITS = {"minute": "minutes", "hour": "hours", "day": "days"}


def row(section: str, rule: str) -> list[str]:
    """Cells of the rule's row: default, meaning, reason, example."""
    (line,) = [line for line in SECTIONS[section].splitlines() if line.startswith(f"| `{rule}` |")]
    return [cell.strip() for cell in line.strip("|").split("|")][1:]


def parsed(cell: str, kind: object) -> object:
    """A default as the page writes it, as the policy holds it."""
    text = cell.strip("`")
    if kind is timedelta:
        number, unit = text.split()
        return timedelta(**{UNITS.get(unit, unit): float(number)})
    if text == "none":
        return None
    try:
        value = json.loads(text)
    except json.JSONDecodeError:
        value = text.split(", ") if ", " in text else text
    return TypeAdapter(kind).validate_python(value)


@pytest.mark.parametrize(("section", "rule"), RULES)
def test_every_rule_is_explained_with_its_default_and_an_example_in_bounds(section, rule, monkeypatch, tmp_path):
    field = Policy.model_fields[section].annotation.model_fields[rule]
    default, meaning, why, example = row(section, rule)
    assert parsed(default, field.annotation) == field.default
    assert len(meaning) > 10
    assert len(why) > 5
    monkeypatch.setenv("SENTIMENT_HOME", str(tmp_path))
    if rule == "drift_confirmed":
        monkeypatch.setenv("SENTIMENT_POLICY__RETRAIN__DRIFT_CHECKS", "3")
    monkeypatch.setenv(f"SENTIMENT_POLICY__{section}__{rule}".upper(), example.strip("`").strip("'"))
    assert getattr(getattr(load_settings().policy, section), rule) != field.default


def test_the_page_explains_no_rule_that_does_not_exist():
    explained = {(name, rule) for name, part in SECTIONS.items() for rule in re.findall(r"(?m)^\| `(\w+)` \|", part)}
    assert explained == set(RULES)


def test_the_examples_at_the_end_are_a_valid_policy(monkeypatch, tmp_path):
    monkeypatch.setenv("SENTIMENT_HOME", str(tmp_path))
    lines = re.findall(r"(?m)^(SENTIMENT_POLICY__\w+)=(.+)$", PAGE)
    assert len(lines) > 4
    for name, value in lines:
        monkeypatch.setenv(name, value.strip("'"))
    load_settings()
