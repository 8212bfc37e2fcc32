"""The JSON forms in which tweets are published: X API 2 (also twarc2's pages and flattened), X API 1.1, GNIP.

Each becomes the same fields. A post of more than 280 characters is read from the field with its full text. An
edited tweet gets the id of its first version, so that its versions are one tweet.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Json = Mapping[str, Any]


def tweets_of(value: Any) -> Iterator[Any]:
    """The tweets of a JSON value: those of a page of X's API 2, else the value itself."""
    if isinstance(value, dict) and "text" not in value:
        data = value.get("data")
        if isinstance(data, list) and all(isinstance(tweet, dict) for tweet in data):
            yield from data
            return
        if isinstance(data, dict) and "id" in data and "text" in data:
            yield data
            return
        if "data" not in value and "meta" in value and not {"tweet_id", "id"} & set(value):  # a page without tweets
            return
    yield value


def fields_of(tweet: Json) -> dict[str, Any] | None:
    """Field → value of a tweet in one of the known forms; None for other objects."""
    if tweet.get("objectType") == "activity" and "body" in tweet:
        return _gnip(tweet)
    if "full_text" in tweet or (isinstance(tweet.get("user"), dict) and "text" in tweet):
        return _api_1(tweet)
    if "text" in tweet and "id" in tweet and ("author_id" in tweet or "edit_history_tweet_ids" in tweet):
        return _api_2(tweet)
    return None


def first_version(tweet: Json) -> Any:
    """The id of the tweet before its edits."""
    history = tweet.get("edit_history_tweet_ids")
    ids = [version for version in history if str(version).isdigit()] if isinstance(history, list) else []
    return min(ids, key=int) if ids else tweet.get("id")


def whole_text(tweet: Json) -> Any:
    """The text of a tweet of X's API 2; the full text of a long post."""
    note = tweet.get("note_tweet")
    if isinstance(note, dict) and isinstance(note.get("text"), str):
        return note["text"]
    return tweet.get("text")


def _api_2(tweet: Json) -> dict[str, Any]:
    return {
        "tweet_id": first_version(tweet),
        "text": whole_text(tweet),
        "author": tweet.get("author_id"),
        "language": tweet.get("lang"),
        "created_at": tweet.get("created_at"),
    }


def _api_1(tweet: Json) -> dict[str, Any]:
    user = tweet["user"] if isinstance(tweet.get("user"), dict) else {}
    return {
        "tweet_id": tweet.get("id_str") or tweet.get("id"),
        "text": _api_1_text(tweet),
        "author": user.get("id_str") or user.get("id") or user.get("screen_name"),
        "language": tweet.get("lang"),
        "created_at": tweet.get("created_at"),
    }


def _api_1_text(tweet: Json) -> Any:
    extended = tweet.get("extended_tweet")
    if isinstance(extended, dict) and isinstance(extended.get("full_text"), str):
        return extended["full_text"]
    text = tweet["full_text"] if "full_text" in tweet else tweet.get("text")
    original = tweet.get("retweeted_status")
    if (
        isinstance(text, str) and text.endswith("…") and isinstance(original, dict)
    ):  # a retweet is truncated, the original is not
        whole = _api_1_text(original)
        start, sign, _ = text.partition(": ")
        if sign and start.startswith("RT @") and isinstance(whole, str):
            return f"{start}: {whole}"
    return text


def _gnip(tweet: Json) -> dict[str, Any]:
    actor = tweet["actor"] if isinstance(tweet.get("actor"), dict) else {}
    long = tweet.get("long_object")
    text = long.get("body") if isinstance(long, dict) else None
    return {
        "tweet_id": tweet.get("id"),
        "text": text or tweet.get("body"),
        "author": str(actor.get("id", "")).rpartition(":")[2] or actor.get("preferredUsername"),
        "language": tweet.get("twitter_lang"),
        "created_at": tweet.get("postedTime"),
    }


def label_studio_fields(value: Json) -> dict[str, Any]:
    """A task of Label Studio's JSON export: the last annotation's first choice."""
    data = value["data"] if isinstance(value.get("data"), dict) else {}
    label = None
    for annotation in value["annotations"] if isinstance(value["annotations"], list) else []:
        for result in annotation.get("result", []) if isinstance(annotation, dict) else []:
            choices = result.get("value", {}).get("choices") if isinstance(result, dict) else None
            if choices:
                label = choices[0]
    return {"tweet_id": data.get("tweet_id"), "label": label}
