"""The time budget that the families of one retrain share, and the deadline of a training or a search."""

from __future__ import annotations

import logging
import time
from datetime import datetime

from sentiment_lib import progress as progress_reports
from sentiment_lib.errors import TrainingCancelled, TrainingRefused
from sentiment_lib.families.base import Progress
from sentiment_lib.settings import Settings
from sentiment_lib.steps.training.cost import Stopwatch

_log = logging.getLogger(__name__)


def apply_budget(
    settings: Settings, *, family: str, run_started_at: datetime | None, now: datetime, spent: float = 0.0
) -> Settings:
    """Settings whose search_minutes and train_minutes fit into what the retrain's budget has left `now`.

    `run_started_at` is the start of the retrain, None for a training by itself. `spent` is the time of earlier
    attempts in minutes, which counts against the training's. Raises TrainingRefused when the budget is used up.
    """
    if run_started_at is None:
        return settings
    policy = settings.policy.retrain
    remaining = policy.budget_minutes - (now - run_started_at).total_seconds() / 60
    if remaining <= 0:
        problem = (
            f"the {policy.budget_minutes:g} minutes of policy.retrain.budget_minutes, which the families of one "
            f"retrain share, are used up (it began at {run_started_at:%Y-%m-%d %H:%M %Z}): raise it, or train "
            "fewer families"
        )
        raise TrainingRefused(family=family, problem=problem)
    # a search must leave time for the training
    search = min(policy.search_minutes, remaining / 2)
    # the remaining time already excludes earlier attempts: do not count them twice
    train = min(policy.train_minutes, remaining - (search if policy.search_trials else 0) + spent)
    retrain = policy.model_copy(update={"search_minutes": search, "train_minutes": train})
    return settings.model_copy(update={"policy": settings.policy.model_copy(update={"retrain": retrain})})


def log_progress(minutes: float, rule: str, stopwatch: Stopwatch | None = None) -> Progress:
    """Progress that logs every tenth; it returns False, which cancels, after these minutes of policy.retrain.`rule`.

    A running `stopwatch` is saved on the way, and the time of earlier attempts counts.
    """
    started, next_logged = time.monotonic() - (stopwatch.wall if stopwatch else 0.0), 0.0

    def progress(share: float, doing: str) -> bool:
        nonlocal next_logged
        if stopwatch is not None:
            stopwatch.save()
        progress_reports.report(doing[:1].upper() + doing[1:], share, 1)
        if share >= next_logged:
            next_logged = share + 0.1
            _log.info("%.0f %%: %s", 100 * share, doing)
        if time.monotonic() - started <= 60 * minutes:
            return True
        _log.error("the %g minutes of policy.retrain.%s are used up", minutes, rule)
        return False

    return progress


def deadline_progress(settings: Settings, family: str, stopwatch: Stopwatch) -> Progress:
    """Progress of a training; it raises TrainingCancelled, which names the rule, when the training's time is up."""
    minutes = settings.policy.retrain.train_minutes
    in_time = log_progress(minutes, "train_minutes", stopwatch)

    def progress(share: float, doing: str) -> bool:
        if in_time(share, doing):
            return True
        rule = "policy.retrain.train_minutes, or what policy.retrain.budget_minutes left of them"
        raise TrainingCancelled(family=family, done=f"the {minutes:.3g} minutes of {rule}, while it was {doing}")

    return progress
