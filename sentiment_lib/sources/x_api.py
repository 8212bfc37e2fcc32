"""Recent tweets from the X API v2, through tweepy."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sentiment_lib.errors import BadSource, MissingExtra
from sentiment_lib.settings import Settings
from sentiment_lib.sources.base import Row, SourceIdentity
from sentiment_lib.sources.tweet_json import first_version, whole_text
from sentiment_lib.tweet_ids import SNOWFLAKE_EPOCH_MS

if TYPE_CHECKING:
    from tenacity import RetryCallState

log = logging.getLogger(__name__)
HOST = "https://api.twitter.com"
FIELDS = ["author_id", "created_at", "edit_history_tweet_ids", "lang", "note_tweet"]
PAGE_SIZE = 100
MAX_ATTEMPTS = 4
#: Recent search covers seven days and refuses an older since_id; an hour less, because clocks differ.
SEARCH_WINDOW = timedelta(days=7) - timedelta(hours=1)
#: X's rate-limit windows last 15 minutes; a longer wait means that a monthly quota is used up.
LONGEST_WAIT = 16 * 60.0


class XSource:
    """Tweets that match the query and are newer than `since_id`.

    X returns the newest first. All pages are fetched before the first row is yielded, and rows come oldest first: an
    interrupted ingest has no gaps, and the next poll resumes from its newest id. Server errors are retried; rate
    limits are waited for as the response headers say.
    """

    def __init__(
        self,
        *,
        token: str,
        query: str,
        since_id: int | None,
        host: str = HOST,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = _client(token, host)
        self._query = query
        self._since_id = since_id if since_id is not None and _age(since_id) < SEARCH_WINDOW else None
        self._sleep = sleep
        # results change between polls, so an interrupted poll is never resumed by row number
        self.identity = SourceIdentity(name="x", digest=f"x:{time.time_ns()}")

    def rows(self) -> Iterator[Row]:
        """Tweets, oldest first. Raises BadSource when X refuses or keeps failing."""
        tweets: dict[int, Any] = {}
        token: str | None = None
        while True:
            page = self._page(token)
            for tweet in page.data or ():
                tweets[int(tweet.id)] = tweet
            token = page.meta.get("next_token")
            if not token:
                break
        # the last version of an edited tweet, under the id of the first, so that its versions are one tweet
        versions = {int(first_version(tweets[tweet_id].data)): tweets[tweet_id] for tweet_id in sorted(tweets)}
        for number, tweet_id in enumerate(sorted(versions), start=1):
            tweet = versions[tweet_id]
            yield Row(
                number,
                json.dumps(tweet.data, ensure_ascii=True),
                tweet_id=str(tweet_id),
                text=whole_text(tweet.data),
                author=str(tweet.author_id) if tweet.author_id else None,
                language=tweet.lang,
                created_at=tweet.created_at.isoformat() if tweet.created_at else None,
            )

    def _page(self, token: str | None) -> Any:
        import requests
        import tweepy
        from tenacity import Retrying, before_sleep_log, retry_if_exception, stop_after_attempt

        retrying = Retrying(
            stop=stop_after_attempt(MAX_ATTEMPTS),
            wait=_seconds_to_wait,
            retry=retry_if_exception(_is_transient),
            sleep=self._sleep,
            before_sleep=before_sleep_log(log, logging.WARNING),
            reraise=True,
        )
        try:
            return retrying(
                self._client.search_recent_tweets,
                self._query,
                since_id=self._since_id,
                max_results=PAGE_SIZE,
                next_token=token,
                tweet_fields=FIELDS,
            )
        except tweepy.TooManyRequests as error:
            problem = f"its rate limit is used up; it opens again in {_until_reset(error.response):.0f} s"
            raise BadSource(source="X", problem=problem) from error
        except (tweepy.TwitterServerError, requests.ConnectionError, requests.Timeout) as error:
            raise BadSource(source="X", problem=f"it failed {MAX_ATTEMPTS} times, last with: {error}") from error
        except tweepy.Unauthorized as error:
            raise BadSource(source="X", problem="it refuses the token in SENTIMENT_X_BEARER_TOKEN") from error
        except (tweepy.HTTPException, requests.RequestException) as error:
            raise BadSource(source="X", problem=str(error)) from error


def connect(settings: Settings, newest_id: Callable[[], int | None]) -> XSource | None:
    """Tweets newer than the newest one stored from X; None without a bearer token."""
    token = settings.x_bearer_token.get_secret_value()
    if not token:
        return None
    return XSource(token=token, query=settings.x_query, since_id=newest_id(), host=settings.x_url)


def _is_transient(error: BaseException) -> bool:
    """Whether a retry can help: server errors, lost connections, and a rate limit that resets soon enough."""
    import requests
    import tweepy

    if isinstance(error, tweepy.TooManyRequests):
        return _until_reset(error.response) <= LONGEST_WAIT
    return isinstance(error, tweepy.TwitterServerError | requests.ConnectionError | requests.Timeout)


def _seconds_to_wait(state: RetryCallState) -> float:
    """Until the rate limit resets, else exponential back-off."""
    import tweepy

    error = state.outcome.exception() if state.outcome else None
    return _until_reset(error.response) if isinstance(error, tweepy.TooManyRequests) else 2.0**state.attempt_number


def _age(tweet_id: int) -> timedelta:
    return timedelta(milliseconds=time.time_ns() // 1_000_000 - ((tweet_id >> 22) + SNOWFLAKE_EPOCH_MS))


def _until_reset(response: Any) -> float:
    """Seconds until the rate limit resets, plus one because clocks differ; a minute when X does not say."""
    reset = response.headers.get("x-rate-limit-reset", "")
    return max(0.0, int(reset) - time.time()) + 1.0 if reset.isdigit() else 60.0


def _client(token: str, host: str) -> Any:
    try:
        import requests
        import tweepy
    except ImportError as error:
        raise MissingExtra(what="Reading from X", package="tweepy", extra="x") from error

    class Session(requests.Session):
        """Sends requests to the configured host, with a timeout."""

        def request(self, method: Any, url: Any, *args: Any, **options: Any) -> Any:
            options.setdefault("timeout", 30)
            return super().request(method, str(url).replace(HOST, host, 1), *args, **options)

    client = tweepy.Client(bearer_token=token, wait_on_rate_limit=False)
    client.session = Session()
    return client
