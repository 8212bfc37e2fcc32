"""Recent tweets from the X API v2, through tweepy."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from sentiment_lib.errors import BadSource, MissingExtra
from sentiment_lib.sources.base import Origin, Row

log = logging.getLogger(__name__)
HOST = "https://api.twitter.com"
FIELDS = ["author_id", "created_at", "lang"]
PER_PAGE = 100
TRIES = 4
#: The search goes back seven days, and refuses a since_id from before them; an hour is left for clocks that differ.
REACH = timedelta(days=7) - timedelta(hours=1)
#: X's windows are 15 minutes long: who is told to wait longer has used up a quota of another kind.
LONGEST_REST = 16 * 60.0
#: X's ids count milliseconds from here, shifted by 22 bits
_SNOWFLAKE_MS = 1_288_834_974_657


class XSource:
    """Every tweet that the query finds and that is newer than `since_id`.

    X gives the newest first. All pages are collected before the first row is handed on, and rows come oldest first: an
    ingest that dies half-way has then stored a past without holes, and the next poll goes on from its newest id.
    Rate limits are waited out as the response's headers say; errors of X's servers are tried again.
    """

    def __init__(
        self,
        *,
        token: str,
        query: str,
        since_id: int | None,
        host: str = HOST,
        rest: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = _client(token, host)
        self._query = query
        self._since_id = since_id if since_id is not None and _age(since_id) < REACH else None
        self._rest = rest
        # pages change between polls, so a poll that was cut off is never continued by its row number
        self.origin = Origin(name="x", digest=f"x:{since_id}:{time.time_ns()}")

    def rows(self) -> Iterator[Row]:
        """Tweets, oldest first."""
        found: dict[int, Any] = {}
        token: str | None = None
        while True:
            page = self._page(token)
            for tweet in page.data or ():
                found[int(tweet.id)] = tweet
            token = page.meta.get("next_token")
            if not token:
                break
        for number, tweet_id in enumerate(sorted(found), start=1):
            tweet = found[tweet_id]
            yield Row(
                number,
                json.dumps(tweet.data, ensure_ascii=True),
                tweet_id=str(tweet_id),
                text=tweet.text,
                author=str(tweet.author_id) if tweet.author_id else None,
                language=None if tweet.lang in (None, "und") else tweet.lang,
                created_at=tweet.created_at.isoformat() if tweet.created_at else None,
            )

    def _page(self, token: str | None) -> Any:
        import requests
        import tweepy

        for attempt in range(1, TRIES + 1):
            try:
                return self._client.search_recent_tweets(
                    self._query,
                    since_id=self._since_id,
                    max_results=PER_PAGE,
                    next_token=token,
                    tweet_fields=FIELDS,
                )
            except (tweepy.TwitterServerError, requests.ConnectionError, requests.Timeout) as error:
                if attempt == TRIES:
                    raise BadSource(source="X", problem=f"it failed {TRIES} times, last with: {error}") from error
                log.warning("X failed (%s), trying again", error)
                self._rest(2.0**attempt)
            except tweepy.TooManyRequests as error:
                wait = _until_reset(error.response)
                if attempt == TRIES or wait > LONGEST_REST:
                    problem = f"its rate limit is used up; it opens again in {wait:.0f} s"
                    raise BadSource(source="X", problem=problem) from error
                log.warning("X's rate limit is used up, waiting %.0f s", wait)
                self._rest(wait)
            except tweepy.Unauthorized as error:
                raise BadSource(source="X", problem="it refuses the token in SENTIMENT_X_BEARER_TOKEN") from error
            except (tweepy.HTTPException, requests.RequestException) as error:
                raise BadSource(source="X", problem=str(error)) from error
        raise AssertionError("unreachable: the last attempt returns or raises")


def _age(tweet_id: int) -> timedelta:
    return timedelta(milliseconds=time.time_ns() // 1_000_000 - ((tweet_id >> 22) + _SNOWFLAKE_MS))


def _until_reset(response: Any) -> float:
    """Seconds until the window opens again, one more for clocks that differ; a minute when X does not say."""
    reset = response.headers.get("x-rate-limit-reset", "")
    return max(0.0, int(reset) - time.time()) + 1.0 if reset.isdigit() else 60.0


def _client(token: str, host: str) -> Any:
    try:
        import requests
        import tweepy
    except ImportError as error:
        raise MissingExtra(what="Reading from X", package="tweepy", extra="x") from error

    class Session(requests.Session):
        """Sends to the configured host, and never waits for ever."""

        def request(self, method: Any, url: Any, *args: Any, **options: Any) -> Any:
            options.setdefault("timeout", 30)
            return super().request(method, str(url).replace(HOST, host, 1), *args, **options)

    client = tweepy.Client(bearer_token=token, wait_on_rate_limit=False)
    client.session = Session()
    return client
