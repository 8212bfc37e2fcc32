"""Recent tweets from the X API v2, through tweepy."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sentiment_lib import clock
from sentiment_lib.errors import BadSource, MissingExtra
from sentiment_lib.settings import Settings
from sentiment_lib.sources.base import ReadPlan, Row, SourceIdentity, Usage
from sentiment_lib.sources.time_sample import Period, sampled_periods
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
#: X refuses an end_time within the last ten seconds; newer tweets may not be found yet.
NEWEST = timedelta(seconds=30)
#: Ends of the problem types by which X says that a monthly cap, or the credits that were bought, are used up.
CAPPED = ("/problems/usage-capped", "/problems/credits")
PAYMENT_REQUIRED = 402
LONGEST_REFUSAL = 500


class XSource:
    """Tweets that match the query and are newer than `since_id`.

    X returns the newest first. All pages are fetched before the first row is yielded, and rows come oldest first: an
    interrupted ingest has no gaps, and the next poll resumes from its newest id. Server errors are retried; rate
    limits are waited for as the response headers say. With a plan, the time since the last poll is read by periods,
    oldest first; periods that were read to their end are yielded when a later one breaks off.
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
        self._plan: ReadPlan | None = None
        self._end = clock.now().replace(microsecond=0) - NEWEST
        self._read_from = self._read_until = min(self._start(None), self._end)
        self._reads = 0
        self._refusal: str | None = None
        # results change between polls, so an interrupted poll is never resumed by row number
        self.identity = SourceIdentity(name="x", digest=f"x:{time.time_ns()}")

    def restrict(self, plan: ReadPlan) -> None:
        """Read the plan's share of the time since the last poll."""
        self._plan = plan
        self._read_from = self._read_until = min(self._start(plan.read_from), self._end)

    def usage(self) -> Usage:
        """Tweets that X delivered so far, all versions of an edited one, and pages of a period that broke off."""
        share = self._plan.share if self._plan else 1.0
        return Usage(
            reads=self._reads,
            share=share,
            read_from=self._read_from,
            read_until=self._read_until,
            refusal=self._refusal,
        )

    def rows(self) -> Iterator[Row]:
        """Tweets, oldest first. Raises BadSource when X refuses or keeps failing."""
        tweets: dict[int, Any] = {}
        failure: BadSource | None = None
        try:
            for period in self._periods():
                tweets.update(self._read(period))
        except BadSource as error:
            failure = error
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
        if failure is not None:
            raise failure

    def _start(self, read_from: datetime | None) -> datetime:
        """From where it is read: the newest tweet known or the end of the last poll, within the reach of the search."""
        reach = (clock.now() - SEARCH_WINDOW).replace(microsecond=0)
        newest = _moment(self._since_id).replace(microsecond=0) if self._since_id is not None else reach
        return max(reach, newest, read_from or reach)

    def _periods(self) -> Iterator[dict[str, Any]]:
        """Parameters that bound each request; `_read_until` follows what was read to its end."""
        if self._plan is None:
            yield {"since_id": self._since_id}
            self._read_until = self._end
            return
        periods: list[Period] = sampled_periods(self._read_from, self._end, self._plan.share)
        for start, end in periods:
            if self._reads >= self._plan.reads_left:
                return
            yield {"start_time": start, "end_time": end}
            self._read_until = end
        self._read_until = self._end

    def _read(self, period: dict[str, Any]) -> dict[int, Any]:
        """Tweets of a period by id, from all pages."""
        tweets: dict[int, Any] = {}
        token: str | None = None
        while True:
            page = self._page(period, token)
            found = page.data or ()
            self._reads += len(found)
            tweets.update({int(tweet.id): tweet for tweet in found})
            token = page.meta.get("next_token")
            if not token:
                return tweets

    def _page(self, period: dict[str, Any], token: str | None) -> Any:
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
                **period,
                max_results=PAGE_SIZE,
                next_token=token,
                tweet_fields=FIELDS,
            )
        except tweepy.HTTPException as error:
            raise BadSource(source="X", problem=self._problem(error)) from error
        except (requests.ConnectionError, requests.Timeout) as error:
            raise BadSource(source="X", problem=_failing(error)) from error
        except requests.RequestException as error:
            raise BadSource(source="X", problem=str(error)) from error

    def _problem(self, error: Any) -> str:
        """What a response of X means; notes a cap that is used up."""
        import tweepy

        refusal = _refusal(error)
        if refusal is not None:
            self._refusal = refusal
            return f"a cap of the account is used up, and X answers again when it is raised or starts anew: {refusal}"
        if isinstance(error, tweepy.TooManyRequests):
            return f"its rate limit is used up; it opens again in {_until_reset(error.response):.0f} s"
        if isinstance(error, tweepy.TwitterServerError):
            return _failing(error)
        if isinstance(error, tweepy.Unauthorized):
            return "it refuses the token in SENTIMENT_X_BEARER_TOKEN"
        return str(error)


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
        return _refusal(error) is None and _until_reset(error.response) <= LONGEST_WAIT
    return isinstance(error, tweepy.TwitterServerError | requests.ConnectionError | requests.Timeout)


def _seconds_to_wait(state: RetryCallState) -> float:
    """Until the rate limit resets, else exponential back-off."""
    import tweepy

    error = state.outcome.exception() if state.outcome else None
    return _until_reset(error.response) if isinstance(error, tweepy.TooManyRequests) else 2.0**state.attempt_number


def _refusal(error: Any) -> str | None:
    """What X says where a monthly cap or the credits are used up, which no waiting opens; else None.

    X answers 429 as for a rate limit, or 402 or 403, with the problem type usage-capped or credits.
    """
    try:
        body = error.response.json()
    except ValueError:
        body = None
    body = body if isinstance(body, dict) else {}
    if str(body.get("type", "")).endswith(CAPPED) or error.response.status_code == PAYMENT_REQUIRED:
        return str(body.get("detail") or body.get("title") or error)[:LONGEST_REFUSAL]
    return None


def _failing(error: Exception) -> str:
    return f"it failed {MAX_ATTEMPTS} times, last with: {error}"


def _moment(tweet_id: int) -> datetime:
    return datetime.fromtimestamp(((tweet_id >> 22) + SNOWFLAKE_EPOCH_MS) / 1000, UTC)


def _age(tweet_id: int) -> timedelta:
    return clock.now() - _moment(tweet_id)


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
