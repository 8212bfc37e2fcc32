"""Retrain rules that `maintain` evaluates; drift and accuracy decline are detected by steps that request a retrain."""

from __future__ import annotations

from sentiment_lib.steps.training.rules.base import RetrainRule
from sentiment_lib.steps.training.rules.new_labels import FirstLabels, NewLabels
from sentiment_lib.steps.training.rules.opportunity import Opportunity

RULES: tuple[RetrainRule, ...] = (
    FirstLabels(),
    NewLabels(),
    Opportunity(),
)
