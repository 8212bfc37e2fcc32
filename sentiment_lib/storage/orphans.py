"""Rows that refer to a tweet or prediction which is not stored; no foreign key excludes them.

A foreign key to a partitioned table is checked row by row against all partitions, which makes storing predictions
several times slower. They are written from stored tweets in one transaction instead, and checked here.
"""

from __future__ import annotations

from sqlalchemy import Connection, text

#: Tables that name a tweet, and whether they name one of its predictions as well.
_REFERENCES = {
    "labels": False,
    "tweets_to_score": False,
    "label_picks": True,
    "audit_sample": True,
    "feedback": True,
    "predictions": False,
}


def find(connection: Connection) -> list[str]:
    """A sentence for each table with such rows, which says how many and names one. It reads every prediction."""
    problems = []
    for table, names_prediction in _REFERENCES.items():
        whole = ("predictions", "(tweet_id, model_version)") if names_prediction else ("tweets", "(tweet_id)")
        found = connection.execute(
            text(
                f"SELECT count(*) AS rows, min(r.tweet_id) AS example FROM {table} r "
                f"LEFT JOIN (SELECT tweet_id, {'model_version, ' if names_prediction else ''}true AS is_stored "
                f"FROM {whole[0]}) whole USING {whole[1]} WHERE is_stored IS NULL"
            )
        ).one()
        if found.rows:
            what = "prediction" if names_prediction else "tweet"
            problems.append(
                f"{found.rows} rows of {table} refer to a {what} that is not stored, such as tweet {found.example}"
            )
    return problems
