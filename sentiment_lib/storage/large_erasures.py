"""Requests to forget that name many tweets: nobody gets them back."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, text

from sentiment_lib.policy import ErasurePolicy

#: A request for fewer is large by no share of the tweets.
FEWEST = 100
# what is no number stops nobody from being told of the others
_FOUND = (
    "CASE jsonb_typeof(counts #> {path}) WHEN 'number' THEN "
    "CAST(least(CAST(counts #>> {path} AS numeric), 1e15) AS bigint) END"
)
# whatever a request says of itself: the targets go with the tweets, and then what was found counts
_OF_REQUESTS = """
    SELECT request_id, kind, requested_by, erased_at, greatest(named,
        (SELECT count(*) FROM erasure_targets t WHERE t.request_id = o.request_id),
        {found[tweets]}, {found[landing]}) AS tweets
    FROM erasure_requests o WHERE received_at >= :since
""".format(found={name: _FOUND.format(path=f"'{{found,{name}}}'") for name in ("tweets", "landing")})


def is_large(connection: Connection, policy: ErasurePolicy, named: int, *, still_stored: bool = True) -> bool:
    """Whether a request for so many tweets is one that somebody should look at.

    still_stored: whether they are counted among the stored tweets, or erased by now.
    """
    if named < min(FEWEST, policy.large_request):
        return False
    if named >= policy.large_request:
        return True
    stored = int(connection.execute(text("SELECT count(*) FROM tweets")).scalar_one())
    return named >= policy.large_share * (stored if still_stored else stored + named)


def received_since(connection: Connection, policy: ErasurePolicy, since: datetime) -> list[tuple[int, str, str, int]]:
    """(number, kind, who asked, tweets) of each large request that was received since then, oldest first."""
    query = text(f"SELECT * FROM ({_OF_REQUESTS}) r WHERE tweets >= :fewest ORDER BY request_id")
    fewest = min(FEWEST, policy.large_request)
    return [
        (row.request_id, row.kind, row.requested_by, row.tweets)
        for row in connection.execute(query, {"since": since, "fewest": fewest})
        if is_large(connection, policy, row.tweets, still_stored=row.erased_at is None)
    ]
