"""Receivers of alerts, as SENTIMENT_ALERT_URLS names them."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from sentiment_lib.alerts.delivery import receivers
from sentiment_lib.errors import BadSetting
from sentiment_lib.records import Severity
from sentiment_lib.settings import Settings


def test_a_prefix_limits_a_receiver_to_a_severity(tmp_path):
    settings = Settings(home=tmp_path, alert_urls=SecretStr("[critical]json://127.0.0.1/a, json://127.0.0.1/b"))
    assert [receiver.least for receiver in receivers(settings)] == [Severity.CRITICAL, Severity.WARNING]


@pytest.mark.parametrize("urls", ["[critical json://127.0.0.1", "[urgent]json://127.0.0.1"])
def test_a_prefix_that_is_no_severity_is_refused_by_name(tmp_path, urls):
    with pytest.raises(BadSetting, match=r"SENTIMENT_ALERT_URLS is not valid: .*\[critical\]"):
        receivers(Settings(home=tmp_path, alert_urls=SecretStr(urls)))
