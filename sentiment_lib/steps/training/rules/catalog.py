"""The retrain rules that `maintain` evaluates. Drift and an accuracy decline request theirs where they are measured."""

from __future__ import annotations

from sentiment_lib.steps.training.rules.base import RetrainRule
from sentiment_lib.steps.training.rules.new_labels import FirstLabels, NewLabels

RULES: tuple[RetrainRule, ...] = (
    FirstLabels(),
    NewLabels(),
)
