"""SQL that looks tweets up one by one, so that the cost depends on how many are asked for, not on what is stored."""

from __future__ import annotations


def tweet_of(alias: str) -> str:
    """What to join as tweets, with USING (tweet_id) or ON true, to look up the tweet of each row of that alias.

    OFFSET 0 keeps the planner from reading all partitions to join them, which it takes to be cheaper for a few thousand
    rows.
    """
    return f"LATERAL (SELECT * FROM tweets WHERE tweet_id = {alias}.tweet_id OFFSET 0)"
