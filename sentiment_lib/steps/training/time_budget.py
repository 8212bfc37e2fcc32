"""The time of one retrain, which its families share: what a training that begins late has left, and how it ends."""

from __future__ import annotations

from datetime import datetime

from sentiment_lib.errors import TrainingCancelled, TrainingRefused
from sentiment_lib.families.base import Progress
from sentiment_lib.settings import Settings
from sentiment_lib.steps.training.cost import Stopwatch, within


def limited(settings: Settings, *, family: str, began: datetime | None, now: datetime, spent: float = 0.0) -> Settings:
    """The settings for a training that begins `now`: search and training get no more minutes than the retrain has left.

    `began` is when the retrain did, None for a training by itself. `spent` are the minutes of earlier tries, which
    count against those of the training. TrainingRefused when the retrain's budget is used up.
    """
    if began is None:
        return settings
    policy = settings.policy.retrain
    left = policy.budget_minutes - (now - began).total_seconds() / 60
    if left <= 0:
        problem = (
            f"the {policy.budget_minutes:g} minutes of policy.retrain.budget_minutes, which the families of one "
            f"retrain share, are used up (it began at {began:%Y-%m-%d %H:%M %Z}): raise it, or train fewer families"
        )
        raise TrainingRefused(family=family, problem=problem)
    # a search must not take what its training needs
    search = min(policy.search_minutes, left / 2)
    # what earlier tries spent is gone from what is left, and must not be taken off it once more
    train = min(policy.train_minutes, left - (search if policy.search_trials else 0) + spent)
    cut = policy.model_copy(update={"search_minutes": search, "train_minutes": train})
    return settings.model_copy(update={"policy": settings.policy.model_copy(update={"retrain": cut})})


def in_time(settings: Settings, family: str, watch: Stopwatch) -> Progress:
    """Progress of a training that `watch` measures; TrainingCancelled, which names the rule, when its time is up."""
    minutes = settings.policy.retrain.train_minutes
    goes_on = within(minutes, "train_minutes", watch)

    def progress(share: float, doing: str) -> bool:
        if goes_on(share, doing):
            return True
        rule = "policy.retrain.train_minutes, or what policy.retrain.budget_minutes left of them"
        raise TrainingCancelled(family=family, done=f"the {minutes:.3g} minutes of {rule}, while it was {doing}")

    return progress
