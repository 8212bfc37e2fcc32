"""Alert rule: the champion's probabilities no longer match labels, from the calibration error by day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Connection

from sentiment_lib.alerts.rule import Firing, Rule
from sentiment_lib.policy import Policy
from sentiment_lib.records import Severity
from sentiment_lib.statistics.sampled_quality import INTERVAL
from sentiment_lib.storage import daily_quality, model_versions


def calibration_error(connection: Connection, policy: Policy, _now: datetime) -> Iterator[Firing]:
    """The lower bound of the champion's calibration error is above the policy's bound on each of its newest days."""
    champion, alerts = model_versions.champion(connection), policy.alerts
    if champion is None:
        return
    days = daily_quality.newest_calibrated(connection, champion.version, alerts.calibration_days)
    lows = [day.calibration_error_low or 0.0 for day in days]
    if len(days) < alerts.calibration_days or min(lows) <= alerts.calibration_error:
        return
    newest = days[0]
    assert newest.overconfidence is not None
    excess = "higher" if newest.overconfidence > 0 else "lower"
    claim = "95 % interval" if newest.calibration_basis == INTERVAL else "range"
    yield Firing(
        title=f"Predicted probabilities of version {champion.version} no longer match labels",
        body=f"Calibration error {_percent(newest.calibration_error)} ({claim} "
        f"{_percent(newest.calibration_error_low)} to {_percent(newest.calibration_error_high)}) on {newest.day}, from "
        f"{newest.calibration_labels} labels; confidence is {100 * abs(newest.overconfidence):.1f} points {excess} "
        f"than accuracy. The lower bound was above {_percent(alerts.calibration_error)} "
        f"on {alerts.calibration_days} days.",
    )


def _percent(share: float | None) -> str:
    return f"{100 * (share or 0.0):.1f} %"


RULE = Rule(kind="calibration_error", severity=Severity.WARNING, check=calibration_error)
