"""From a tweet to every version that scored it and every version that was trained on it."""

from __future__ import annotations

from sentiment_lib.storage.lineage import newest_tweet_ids as newest
from sentiment_lib.storage.lineage import trace as view

__all__ = ["newest", "view"]
