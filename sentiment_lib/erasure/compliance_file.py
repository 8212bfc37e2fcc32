"""Files that say which tweets their source has deleted, protected, withheld, restored or edited.

X's batch compliance gives one JSON object a line: {"id", "action", "created_at", "redacted_at", "reason"}. Its
compliance streams give {"data": {EVENT: {"tweet": {"id", "author_id"}, "event_at"}}} for tweets, and the same with
"user" for accounts; that of an edit names all versions of the tweet in "edit_tweet_ids". A line with an id alone, or
a number alone, is a deletion.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

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


@dataclass(kw_only=True)
class Compliance:
    """What the events of a file come to. Of several events for one tweet, the last one counts."""

    #: tweets to forget and to refuse
    forget: set[int] = field(default_factory=set)
    #: tweets to forget whose new version may come in
    change: set[int] = field(default_factory=set)
    #: tweets that their source has restored
    restore: set[int] = field(default_factory=set)
    #: accounts to forget, and those restored, by id
    authors: set[str] = field(default_factory=set)
    restored_authors: set[str] = field(default_factory=set)
    #: tweet or account -> when its source restored it, where the event says so
    restored_at: dict[int | str, datetime] = field(default_factory=dict)
    #: reason -> number of lines
    reasons: Counter[str] = field(default_factory=Counter)

    def add(self, event: str, tweet_ids: Sequence[int], author: str | None, at: datetime | None) -> None:
        """Count one event, which happened at this time."""
        kind = EVENTS[event]
        self.reasons[event] += 1
        if kind == IGNORE:
            return
        for tweet_id in tweet_ids:
            for name, ids in ((FORGET, self.forget), (CHANGE, self.change), (RESTORE, self.restore)):
                (ids.add if name == kind else ids.discard)(tweet_id)
        if author is not None:
            for name, authors in ((FORGET, self.authors), (RESTORE, self.restored_authors)):
                (authors.add if name == kind else authors.discard)(author)
        if kind == RESTORE and at is not None:
            self.restored_at.update(dict.fromkeys((*tweet_ids, *(() if author is None else (author,))), at))


def read(lines: Iterable[str], *, name: str) -> Compliance:
    """The events of a file, in its order. Raises BadInput, which names the line, for what is no event."""
    compliance = Compliance()
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            compliance.add(*_event(line.strip()))
        except (ValueError, KeyError, TypeError) as error:
            raise BadInput(what=f"line {number} of {name}", problem=_why(error)) from error
    return compliance


def _event(line: str) -> tuple[str, list[int], str | None, datetime | None]:
    """(event, tweets, account, when) of a line."""
    if line.isdigit():
        return "deleted", [_tweet_id(line)], None, None
    value = json.loads(line)
    if isinstance(value, int) and not isinstance(value, bool):
        return "deleted", [_tweet_id(value)], None, None
    if not isinstance(value, dict):
        raise TypeError("it is no JSON object")
    if "id" in value:
        event = _known(str(value.get("reason") or "deleted"))
        return event, [_tweet_id(value["id"])], None, _moment(value.get("redacted_at"))
    ((event, content),) = _events(value)
    about = content.get("tweet") or content.get("user") or content
    event, at = _known(event), _moment(content.get("event_at"))
    if event.endswith("edit"):
        return event, _earlier_versions(content, about), None, at
    if "tweet" in content or not event.startswith("user_"):
        return event, [_tweet_id(about.get("id"))], None, at
    return event, [], str(about["id"]), at


def _moment(written: object) -> datetime | None:
    if written is None:
        return None
    moment = datetime.fromisoformat(str(written))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _earlier_versions(content: Mapping[str, Any], tweet: Mapping[str, Any]) -> list[int]:
    """All versions of an edited tweet but the newest, whose id is the largest; the one that is named alone."""
    listed = content.get("edit_tweet_ids") or tweet.get("edit_tweet_ids") or []
    named = [*listed, *(one for one in (content.get("initial_tweet_id"), tweet.get("id")) if one is not None)]
    versions = sorted({_tweet_id(one) for one in named})
    if not versions:
        raise ValueError("it names no tweet")
    return versions[:-1] or versions


def _events(value: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    inner = value.get("data", value)
    yield from ((name, content) for name, content in inner.items() if isinstance(content, Mapping))


def _known(event: str) -> str:
    if event not in EVENTS:
        raise ValueError(f"'{event[:40]}' is no event of a compliance file")
    return event


def _tweet_id(value: object) -> int:
    number = int(str(value))
    if not 0 < number < _LARGEST:
        raise ValueError(f"{number} is no id of a tweet")
    return number


def _why(error: Exception) -> str:
    return "it is no JSON object" if isinstance(error, json.JSONDecodeError) else f"{error}"
