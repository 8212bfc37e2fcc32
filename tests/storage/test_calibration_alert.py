"""The alert on probabilities that no longer match labels."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import text

from sentiment_lib.alerts import calibration
from sentiment_lib.policy import Policy
from sentiment_lib.storage import daily_quality, grants
from sentiment_lib.storage.quality_day import QualityDay
from tests.conftest import deploy

#: Rules run as the platform runs them.
DATABASE_ROLE = grants.APP


@pytest.mark.parametrize(
    ("lows", "fires"),
    [
        ([0.12, 0.13, 0.11], True),
        ([0.02, 0.12, 0.13, 0.11], True),
        ([0.12, 0.13, 0.09], False),
        ([0.12, 0.09, 0.13], False),
        ([0.12, 0.13], False),
        ([0.12, None, 0.13, 0.11], True),
        ([], False),
    ],
)
def test_the_lower_bound_above_the_policys_on_each_of_the_newest_days_is_one_alert(store, lows, fires):
    with store.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO model_versions (version, family, digest, run_id, training_key) "
                "VALUES (1, 'vader', 'd', 'r', 'k')"
            )
        )
        deploy(connection, 1)
        for number, low in enumerate(lows):
            figures = (
                {}
                if low is None
                else {
                    "calibration_error": low + 0.03,
                    "calibration_error_low": low,
                    "calibration_error_high": low + 0.06,
                    "overconfidence": 0.08,
                    "overconfidence_low": 0.05,
                    "overconfidence_high": 0.11,
                    "calibration_labels": 400,
                    "calibration_basis": "interval" if number else "range",
                }
            )
            day = date(2026, 3, 1) + timedelta(days=number)
            row = QualityDay(day=day, model_version=1, rows=1, estimated=0.5, labelled=0, **figures)
            daily_quality.upsert_day(connection, row)
        now = datetime(2026, 3, 9, tzinfo=UTC)
        found = list(calibration.RULE.findings(connection, Policy(), now))
        assert list(calibration.RULE.findings(connection, Policy(alerts={"calibration_error": 0.5}), now)) == []
    assert [(one.kind, one.severity.value) for one in found] == [("calibration_error", "warning")] * fires
    if fires:
        assert found[0].title == "Predicted probabilities of version 1 no longer match labels"
        assert "(95 % interval 11.0 % to 17.0 %)" in found[0].body
        assert "confidence is 8.0 points higher than accuracy" in found[0].body
