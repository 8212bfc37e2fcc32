"""Attacks on proof start from the world of tests/loop: a decision that waits for its approval."""

from tests.loop.conftest import (
    add_tweets,
    audit_labels,
    changed,
    database_url,
    decide_again,
    decided,
    say,
    settings,
    sign_in_as,
    tweets,
)

__all__ = [
    "add_tweets",
    "audit_labels",
    "changed",
    "database_url",
    "decide_again",
    "decided",
    "say",
    "settings",
    "sign_in_as",
    "tweets",
]
