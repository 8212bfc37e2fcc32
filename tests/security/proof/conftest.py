"""Attacks on proof start from the world of tests/loop: a decision that waits for its approval."""

import shutil

import pytest

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


@pytest.fixture
def keys(settings, tmp_path):
    """The signing keys, which all tests of a session share: after the test they are as they were before it."""
    ring = settings.key_ring
    public_keys = ring.public_keys_file.read_bytes()
    shutil.copytree(ring.folder, tmp_path / "before")
    yield ring
    shutil.rmtree(ring.folder)
    shutil.copytree(tmp_path / "before", ring.folder)
    ring.public_keys_file.write_bytes(public_keys)
