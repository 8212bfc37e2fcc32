"""Times in tweet ids: ids of X and ids of texts sent to the API both count milliseconds in their upper bits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sentiment_lib.records import API_IDS_FROM

#: Epoch of X's ids: from this bit on they count milliseconds since then.
SNOWFLAKE_EPOCH_MS = 1_288_834_974_657
SNOWFLAKE_BITS = 22
#: Smaller ids are older than X's snowflake ids and hold no time.
FIRST_SNOWFLAKE = 1 << 35
#: Ids of the API are API_IDS_FROM plus the milliseconds since 2020, above this many bits of a counter.
API_EPOCH_MS = 1_577_836_800_000
API_COUNTER_BITS = 20
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def id_time(tweet_id: int) -> datetime | None:
    """When a tweet was written, to the millisecond; None for ids from before November 2010, which hold no time."""
    if tweet_id < FIRST_SNOWFLAKE:
        return None
    return _EPOCH + timedelta(milliseconds=(tweet_id >> SNOWFLAKE_BITS) + SNOWFLAKE_EPOCH_MS)


def first_id(moment: datetime) -> int:
    """The smallest id of a tweet written at this moment (to the millisecond) or later."""
    return (_milliseconds(moment) - SNOWFLAKE_EPOCH_MS) << SNOWFLAKE_BITS


def first_api_id(moment: datetime) -> int:
    """The smallest id of a text sent to the API at this moment or later."""
    return API_IDS_FROM + ((_milliseconds(moment) - API_EPOCH_MS) << API_COUNTER_BITS)


def _milliseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(milliseconds=1)
