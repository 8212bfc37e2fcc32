"""Lineage page: from a tweet to the versions that scored it and the versions trained on it."""

from __future__ import annotations

from sentiment_lib.storage.lineage import newest_tweet_ids as newest
from sentiment_lib.storage.lineage import trace as view

__all__ = ["newest", "view"]
