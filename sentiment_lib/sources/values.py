"""Parsers of single cells, for files of tweets and of labels: absent values, tweet ids, dates, labels, confidences.

A parser returns the value and None, or None and the reason why the cell cannot be read.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo
from email.utils import parsedate_to_datetime

from sentiment_lib.records import API_IDS_FROM, LABELS

#: What tools write for an absent value.
ABSENT = frozenset({"", "nan", "null", "none", "\\n"})
#: Absent in optional fields too; as a text or an author they may be intended.
ABSENT_OPTIONAL = ABSENT | {"na", "n/a", "#n/a", "<na>", "nat", "nil"}
LABEL_NAMES = frozenset(str(label) for label in LABELS)
#: Values of `date_format` besides strptime formats.
EPOCH_SECONDS, EPOCH_MILLISECONDS = "epoch", "epoch_ms"
EPOCHS = {EPOCH_SECONDS: 1, EPOCH_MILLISECONDS: 1_000}

_INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff\u200e\u200f\u00ad"
_TRIMMED = _INVISIBLE + " \t\r\n\f\v\u00a0\u2007\u202f\u3000"
#: Guards against spreadsheets: '123 and ="123"; and .0 behind digits.
_GUARDED = re.compile(r"""^(?:'|="?|")?(\d+)(?:\.0*)?"?$""", re.ASCII)
_ROUNDED = re.compile(r"^'?\d(?:[.,]\d+)?[eE]\+?\d+$", re.ASCII)
_GNIP = re.compile(r"^tag:search\.twitter\.com,\d{4}:(\d+)$", re.ASCII)
_OFFSET = re.compile(r"\s+([+-]\d\d(?::?\d\d)?|Z)$", re.ASCII)
_UTC = re.compile(r"\s*\b(?:UTC|GMT)$", re.ASCII)
_SLASHES = re.compile(r"^(\d{4})/(\d\d)/(\d\d)\b", re.ASCII)
_MIDNIGHT = re.compile(r"^(\d{4}-?\d\d-?\d\d[T ])24(:?00(?::?00(?:\.0*)?)?)(?=\D|$)", re.ASCII)
#: X's API 1.1 (Tue Mar 05 10:11:12 +0000 2024) and Sentiment140, which has the name of the zone.
_X_DATE = re.compile(
    r"^[A-Z][a-z]{2} ([A-Z][a-z]{2}) (\d\d) (\d\d:\d\d:\d\d) ([+-]\d{4}|[A-Z]{3,4}) (\d{4})$", re.ASCII
)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
#: Zones that have one meaning, and those that Sentiment140 uses. Others (IST, CST, PST elsewhere) have several.
_ZONES = {"UTC": "+0000", "GMT": "+0000"}
_PACIFIC = {"PST": "-0800", "PDT": "-0700"}


def trim(value: str) -> str:
    """Without spaces and invisible characters around it."""
    return value.strip(_TRIMMED)


def is_absent(value: str | None) -> bool:
    """Whether a required field has no value."""
    return value is None or (len(value) < 40 and trim(value).casefold() in ABSENT)


def optional(value: str | None) -> str | None:
    """The trimmed value of an optional field, or None."""
    if value is None:
        return None
    trimmed = trim(value)
    return None if len(trimmed) < 5 and trimmed.casefold() in ABSENT_OPTIONAL else trimmed


def parse_tweet_id(value: str | None) -> tuple[int | None, str | None]:
    """Tweet id; spreadsheets' guards ('123, ="123") and .0 are removed, numbers in E notation refused."""
    written = trim(value or "")
    match = _GUARDED.match(written) or _GNIP.match(written)
    if match is None and _ROUNDED.match(written):
        return None, (
            f"the id {shown(written)} is no tweet id: a spreadsheet or a float type has rounded it; export ids as text"
        )
    if match is None or len(match[1]) > 19 or not 0 < (number := int(match[1])) < API_IDS_FROM:
        return None, f"the id {shown(written)} is no tweet id"
    return number, None


def parse_moment(written: str) -> datetime:
    """A date in ISO 8601, in RFC 2822 or as X's API 1.1 writes it; naive when it states no zone. Raises ValueError."""
    try:
        return datetime.fromisoformat(written)
    except ValueError:
        return _parse_other_date(" ".join(trim(written).split()))


def _parse_other_date(written: str) -> datetime:
    if match := _X_DATE.match(written):
        month, day, time, zone, year = match.groups()
        if zone.isalpha():
            zone = _ZONES.get(zone, "")
        if not zone or month not in _MONTHS:
            raise ValueError(written)
        return datetime.fromisoformat(f"{year}-{_MONTHS.index(month) + 1:02}-{day}T{time}{zone}")
    if written[:1].isalpha() or re.match(r"\d{1,2} [A-Z][a-z]{2} ", written):
        moment = parsedate_to_datetime(written)
        if moment.tzinfo is None and not written.endswith("-0000"):
            raise ValueError(written)
        return moment
    iso = _OFFSET.sub(r"\1", _UTC.sub("+00:00", written))
    iso = _SLASHES.sub(r"\1-\2-\3", iso)
    if match := _MIDNIGHT.match(iso):
        moment = datetime.fromisoformat(f"{match[1]}00{match[2]}{iso[match.end() :]}")
        return moment + timedelta(days=1)
    return datetime.fromisoformat(iso)


def to_iso(written: str, zone: tzinfo | None, date_format: str | None) -> str:
    """The date with a zone, in ISO 8601; unchanged when it cannot be parsed.

    `zone` stands for dates without one. `date_format` is a strptime format, "epoch" or "epoch_ms".
    """
    trimmed = trim(written)
    try:
        if date_format in EPOCHS:
            return datetime.fromtimestamp(float(trimmed) / EPOCHS[date_format], UTC).isoformat()
        moment = datetime.strptime(trimmed, date_format) if date_format else parse_moment(trimmed)
    except (ValueError, OverflowError, OSError):
        return written
    if moment.tzinfo is None and zone is not None:
        moment = moment.replace(tzinfo=zone)
    return moment.isoformat()


def pacific_to_iso(written: str) -> str:
    """Sentiment140's dates, whose zone is PDT or PST, in ISO 8601."""
    for name, offset in _PACIFIC.items():
        if name in written:
            return to_iso(written.replace(name, offset), None, None)
    return written


def why_no_date(written: str, what: str) -> str:
    """The reason for a date that `parse_moment` cannot read."""
    if trim(written).isdigit():
        return f"the {what} {shown(written)} is a number: name its form with --date-format epoch or epoch_ms"
    return f"the {what} {shown(written)} cannot be read: name its form with --date-format"


def parse_label(value: str | None) -> tuple[str | None, str | None]:
    """negative, neutral or positive, whatever its case; None and None when absent."""
    written = optional(value)
    if written is None:
        return None, None
    label = written.casefold()
    if label not in LABEL_NAMES:
        return None, f"the label {shown(written)} is none of {', '.join(sorted(LABEL_NAMES))}"
    return label, None


def parse_confidence(value: str | None) -> tuple[float | None, str | None]:
    """A number from 0 to 1; None and None when absent."""
    written = optional(value)
    if written is None:
        return None, None
    try:
        confidence = float(written)
    except ValueError:
        return None, f"the confidence {shown(written)} is no number"
    if confidence != confidence:  # NaN in another spelling
        return None, None
    if not 0 <= confidence <= 1:
        return None, f"the confidence {shown(written)} is not between 0 and 1"
    return confidence, None


def shown(value: str) -> str:
    """The beginning of a cell for a reason, in ASCII."""
    return ascii(value[:40])
