"""Figures, intervals and times as people read them; all times are UTC."""

from __future__ import annotations

from datetime import UTC, datetime

from markupsafe import Markup

DASH = "–"
#: seconds, word and how many of the unit before it make one
UNITS = ((60, "s"), (60, "min"), (24, "h"), (30, "d"))


def utc(moment: datetime | None) -> str:
    """'2026-11-23 09:23 UTC'; a dash for None."""
    return DASH if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def distance(seconds: float) -> str:
    """A span of time in its largest fitting unit: '45 s', '3 min', '5 h', '12 d', '7 months'."""
    left = abs(seconds)
    for size, unit in UNITS:
        if left < size:
            return f"{int(left)} {unit}"
        left /= size
    months = int(left)
    if months < 24:
        return "1 month" if months == 1 else f"{months} months"
    return f"{months // 12} years"


def ago(moment: datetime | None, now: datetime | None = None) -> Markup | str:
    """'3 min ago' or 'in 2 h', with the full time in the title."""
    if moment is None:
        return DASH
    seconds = ((now or datetime.now(UTC)) - moment).total_seconds()
    words = f"in {distance(seconds)}" if seconds <= -1 else f"{distance(seconds)} ago"
    if abs(seconds) < 1:
        words = "now"
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        moment.astimezone(UTC).isoformat(timespec="seconds"), utc(moment), words
    )


def number(value: float | None) -> str:
    """Counts with thin groups ('1,234,567'); other figures with four meaningful digits."""
    if value is None:
        return DASH
    if float(value).is_integer():
        return f"{int(value):,}"
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"


def figure(value: float | None, digits: int = 3) -> str:
    """A quality figure with a fixed number of digits."""
    return DASH if value is None else f"{value:.{digits}f}"


def measured(value: float | None) -> str:
    """A figure or bound among others of all sizes: counts whole, shares with three digits, what is larger with one."""
    if value is None or float(value).is_integer():
        return number(value)
    return figure(value) if abs(value) < 10 else f"{value:,.1f}"


def chance(value: float | None) -> str:
    """A p value: none is nought, so a small one is '< 0.001'."""
    return "< 0.001" if value is not None and value < 0.001 else figure(value)


def signed(value: float | None, digits: int = 3) -> str:
    """A difference, always with its sign."""
    return DASH if value is None else f"{value:+.{digits}f}".replace("-", "−")


def percent(value: float | None, digits: int = 1) -> str:
    """A share as percent: 0.712 is '71.2 %'."""
    return DASH if value is None else f"{100 * value:.{digits}f} %"


def interval(bounds: tuple[float, float] | list[float] | None, digits: int = 3) -> str:
    """'0.712 to 0.745'; differences below zero carry a minus sign."""
    if bounds is None:
        return DASH
    low, high = (f"{bound:.{digits}f}".replace("-", "−") for bound in bounds)
    return f"{low} to {high}"


def size(count: float | None) -> str:
    """Bytes as '3.4 MB'."""
    if count is None:
        return DASH
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} GB"
