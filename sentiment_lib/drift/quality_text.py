"""The change of quality that comes with a drift, in words: one figure with its interval, wherever it is told."""

from __future__ import annotations

#: How a change was found.
BASIS = {"measured": "measured on labels", "estimated": "estimated without labels"}
UNKNOWN = "Whether quality suffers is unknown: too few tweets that the champion scored and did not learn from."


def change(loss: float, low: float | None, high: float | None, by: str | None) -> str:
    """Such as "−1.0 points of macro-F1 (95 % interval −3.1 to +1.2), measured on labels"; arguments are shares."""
    bounds = "" if low is None or high is None else f" (95 % interval {points(-high)} to {points(-low)})"
    return f"{points(-loss)} points of macro-F1{bounds}, {BASIS.get(str(by), str(by))}"


def conclude(
    loss: float | None, low: float | None, high: float | None, by: str | None, *, limit: float, critical: bool
) -> str:
    """What the change means; `limit` is the loss from which drift is critical, a share.

    Safe to ignore is only what labels show to be smaller than that.
    """
    if loss is None:
        return UNKNOWN
    figure, beyond = change(loss, low, high, by), f"a loss of {100 * limit:.1f} points or more"
    if critical:
        return f"Quality is at risk: {figure}."
    if by == "measured" and high is not None and high < limit:
        return f"Quality: {figure}. Labels rule out {beyond}: safe to ignore."
    if low is not None and low > 0:
        doubt = "labels have not confirmed it" if by == "estimated" else f"it is not shown to be {beyond}"
        return f"A loss of quality shows: {figure}; {doubt}."
    if by == "estimated" and high is not None and high < limit:
        return f"No loss of quality is shown: {figure}. Only labels would show that tweets mean something else."
    return f"No loss of quality is shown: {figure}. But {beyond} is not ruled out."


def points(share: float) -> str:
    """A difference of shares in points, with its sign: "−1.0"."""
    return f"{100 * share:+.1f}".replace("-", "−")
