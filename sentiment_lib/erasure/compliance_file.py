"""Files that say which tweets their source has deleted, protected, withheld, restored or edited.

X's batch compliance gives one JSON object a line: {"id", "action", "created_at", "redacted_at", "reason"}. Its
compliance streams give {"data": {EVENT: {"tweet": {"id", "author_id"}, "event_at"}}} for tweets, and the same with
"user" for accounts; that of an edit names all versions of the tweet in "edit_tweet_ids". A line with an id alone, or
a number alone, is a deletion. An event without a time counts as of the reading; one that restores must have a time.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sentiment_lib.errors import BadInput

#: What is done for an event: forget and refuse, forget but take a new version, restore, or nothing.
FORGET, CHANGE, RESTORE, IGNORE = "forget", "change", "restore", "ignore"
#: By reason of a batch result, or by name of a stream's event.
EVENTS: Mapping[str, str] = {
    **dict.fromkeys(("deleted", "delete", "tweet_delete", "bounced", "deactivated", "suspended", "protected"), FORGET),
    **dict.fromkeys(("withheld", "tweet_withheld", "user_withheld", "drop"), FORGET),
    **dict.fromkeys(("user_delete", "user_protect", "user_suspend"), FORGET),
    **dict.fromkeys(("undelete", "undrop", "user_undelete", "user_unprotect", "user_unsuspend"), RESTORE),
    **dict.fromkeys(("edit", "tweet_edit"), CHANGE),
    # the platform stores no places and no profiles
    **dict.fromkeys(("scrub_geo", "user_profile_modification"), IGNORE),
}
_LARGEST = 2**63
_NOW = datetime.max.replace(tzinfo=UTC)


class Event(NamedTuple):
    """One line."""

    name: str
    #: FORGET, CHANGE, RESTORE or IGNORE
    kind: str
    tweet_ids: Sequence[int] = ()
    author: str | None = None
    #: when it happened, where the line says so
    at: datetime | None = None


@dataclass(kw_only=True)
class Compliance:
    """What the events of a file come to. Of several events for one tweet, the newest one counts, in whatever order."""

    #: tweets to forget and to refuse
    forget: set[int] = field(default_factory=set)
    #: tweets to forget whose new version may come in
    change: set[int] = field(default_factory=set)
    #: tweets that their source has restored
    restore: set[int] = field(default_factory=set)
    #: accounts to forget, and those restored, by id
    authors: set[str] = field(default_factory=set)
    restored_authors: set[str] = field(default_factory=set)
    #: tweet or account -> when its source restored it
    restored_at: dict[int | str, datetime] = field(default_factory=dict)
    #: tweet or account -> when the event happened that counts
    newest: dict[int | str, datetime] = field(default_factory=dict)
    #: reason -> number of lines
    reasons: Counter[str] = field(default_factory=Counter)

    def add(self, event: Event) -> None:
        """Count one event. Raises ValueError for one that restores and does not say when."""
        kind = event.kind
        self.reasons[event.name] += 1
        if kind == IGNORE:
            return
        if kind == RESTORE and event.at is None:
            raise ValueError("it does not say when: what restores needs redacted_at or event_at")
        for tweet_id in event.tweet_ids:
            if self._counts(tweet_id, event):
                for name, ids in ((FORGET, self.forget), (CHANGE, self.change), (RESTORE, self.restore)):
                    (ids.add if name == kind else ids.discard)(tweet_id)
        if event.author is not None and self._counts(event.author, event):
            for name, authors in ((FORGET, self.authors), (RESTORE, self.restored_authors)):
                (authors.add if name == kind else authors.discard)(event.author)

    def _counts(self, about: int | str, event: Event) -> bool:
        """Whether nothing newer was said about this tweet or account."""
        at = event.at or _NOW
        if at < self.newest.get(about, at):
            return False
        self.newest[about] = at
        if event.kind == RESTORE:
            self.restored_at[about] = at
        return True


def read(lines: Iterable[str], *, name: str) -> Compliance:
    """The events of a file, in its order. Raises BadInput, which names the line, for what is no event."""
    compliance = Compliance()
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            compliance.add(_event(line.strip()))
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
            raise BadInput(what=f"line {number} of {name}", problem=_why(error)) from error
    return compliance


def _event(line: str) -> Event:
    if line.isdigit():
        return Event("deleted", FORGET, [_tweet_id(line)])
    value = json.loads(line)
    if isinstance(value, int) and not isinstance(value, bool):
        return Event("deleted", FORGET, [_tweet_id(value)])
    if not isinstance(value, dict):
        raise TypeError("it is no JSON object")
    if "id" in value:
        name = str(value.get("reason") or "deleted")
        return Event(name, _kind(name), [_tweet_id(value["id"])], at=_moment(value.get("redacted_at")))
    ((name, content),) = _events(value)
    about = content.get("tweet") or content.get("user") or content
    if not isinstance(about, Mapping):
        raise TypeError("its tweet or user is no JSON object")
    kind, at = _kind(name), _moment(content.get("event_at"))
    if kind == CHANGE:
        versions = _versions(content, about)
        # the newest may come; where it is the only one that is named, a new text may come under its id
        return Event(name, FORGET, versions[:-1], at=at) if versions[1:] else Event(name, CHANGE, versions, at=at)
    if "tweet" in content or not name.startswith("user_"):
        return Event(name, kind, [_tweet_id(about.get("id"))], at=at)
    return Event(name, kind, author=str(about["id"]), at=at)


def _moment(written: object) -> datetime | None:
    if written is None:
        return None
    moment = datetime.fromisoformat(str(written))
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def _versions(content: Mapping[str, Any], tweet: Mapping[str, Any]) -> list[int]:
    """All versions of an edited tweet that are named, the newest last: its id is the largest."""
    listed = content.get("edit_tweet_ids") or tweet.get("edit_tweet_ids") or []
    named = [*listed, *(one for one in (content.get("initial_tweet_id"), tweet.get("id")) if one is not None)]
    versions = sorted({_tweet_id(one) for one in named})
    if not versions:
        raise ValueError("it names no tweet")
    return versions


def _events(value: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    inner = value.get("data", value)
    if not isinstance(inner, Mapping):
        raise TypeError("its data are no JSON object")
    yield from ((name, content) for name, content in inner.items() if isinstance(content, Mapping))


def _kind(name: str) -> str:
    if name not in EVENTS:
        raise ValueError(f"'{name[:40]}' is no event of a compliance file")
    return EVENTS[name]


def _tweet_id(value: object) -> int:
    number = int(str(value))
    if not 0 < number < _LARGEST:
        raise ValueError(f"{number} is no id of a tweet")
    return number


def _why(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return "it is no JSON object" if isinstance(error, json.JSONDecodeError) else f"{error}"
