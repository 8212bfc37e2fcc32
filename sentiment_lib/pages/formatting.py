"""Numbers, intervals and times as text; all times are UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime

from markupsafe import Markup

from sentiment_lib import clock

DASH = "–"
#: How many of a unit make one of the next, and its abbreviation.
UNITS = ((60, "s"), (60, "min"), (24, "h"), (30, "d"))


def utc(moment: datetime | None) -> str:
    """'2026-11-23 09:23 UTC'; a dash for None."""
    return DASH if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def duration(seconds: float) -> str:
    """A duration in its largest fitting unit: '45 s', '3 min', '5 h', '12 d', '7 months'."""
    remaining = abs(seconds)
    for per_next, unit in UNITS:
        if remaining < per_next:
            return f"{int(remaining)} {unit}"
        remaining /= per_next
    months = int(remaining)
    if months < 24:
        return "1 month" if months == 1 else f"{months} months"
    return f"{months // 12} years"


def ago(moment: datetime | None, now: datetime | None = None) -> Markup | str:
    """'3 min ago' or 'in 2 h', with the full time in the title."""
    if moment is None:
        return DASH
    seconds = ((now or clock.now()) - moment).total_seconds()
    words = f"in {duration(seconds)}" if seconds <= -1 else f"{duration(seconds)} ago"
    if abs(seconds) < 1:
        words = "now"
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        moment.astimezone(UTC).isoformat(timespec="seconds"), utc(moment), words
    )


def number(value: float | None) -> str:
    """Counts with thousands separators ('1,234,567'); other numbers with four significant digits."""
    if value is None:
        return DASH
    if float(value).is_integer():
        return f"{int(value):,}"
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"


def decimal(value: float | None, digits: int = 3) -> str:
    """A metric with a fixed number of decimals."""
    return DASH if value is None else f"{value:.{digits}f}"


def quantity(value: float | None) -> str:
    """A value among others of any magnitude: counts whole, below 10 with three decimals, larger ones with one."""
    if value is None or float(value).is_integer():
        return number(value)
    return decimal(value) if abs(value) < 10 else f"{value:,.1f}"


def p_value(value: float | None) -> str:
    """A p-value; never shown as zero: small ones are '< 0.001'."""
    return "< 0.001" if value is not None and value < 0.001 else decimal(value)


def signed(value: float | None, digits: int = 3) -> str:
    """A difference, always with its sign; a true minus sign for negative ones."""
    return DASH if value is None else f"{value:+.{digits}f}".replace("-", "−")


def points(value: float | None, digits: int = 1) -> str:
    """A difference of shares in points (of a hundred), with its sign: -0.0123 is '−1.2'."""
    return DASH if value is None else signed(100 * value, digits)


def points_interval(bounds: tuple[float | None, float | None] | None, digits: int = 1) -> str:
    """Bounds of a difference in points: '−3.1 to +1.2'; a dash for a figure without bounds."""
    low, high = bounds or (None, None)
    return DASH if low is None or high is None else f"{points(low, digits)} to {points(high, digits)}"


def percent(value: float | None, digits: int = 1) -> str:
    """A share as a percentage: 0.712 is '71.2 %'."""
    return DASH if value is None else f"{100 * value:.{digits}f} %"


def interval(bounds: tuple[float, float] | list[float] | None, digits: int = 3) -> str:
    """'0.712 to 0.745', with true minus signs."""
    if bounds is None:
        return DASH
    low, high = (f"{bound:.{digits}f}".replace("-", "−") for bound in bounds)
    return f"{low} to {high}"


def percent_interval(bounds: tuple[float | None, float | None] | None, digits: int = 1) -> str:
    """'52.1 to 61.4 %'; a dash for a figure without bounds."""
    low, high = bounds or (None, None)
    return DASH if low is None or high is None else f"{100 * low:.{digits}f} to {100 * high:.{digits}f} %"


def day(moment: date) -> str:
    """'26 Nov 2026'."""
    return f"{moment.day} {moment:%b %Y}"


def size(count: float | None) -> str:
    """Bytes as '3.4 MB'."""
    if count is None:
        return DASH
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} GB"
