"""Ports of the embedded stack: chosen by environment, recorded for other terminals."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from sentiment_lib.errors import BadSetting
from sentiment_lib.files import write_atomically
from sentiment_lib.local import stack
from sentiment_lib.local.state_folder import Home, Ports


def test_a_variable_replaces_a_default_port(monkeypatch):
    monkeypatch.setenv("SENTIMENT_PORT_API", "18000")
    assert stack.ports() == Ports(**{**asdict(Ports()), "api": 18000})


@pytest.mark.parametrize("text", ["abc", "0", "70000", "-1", "٨"])
def test_what_is_no_port_is_refused_by_name(monkeypatch, text):
    monkeypatch.setenv("SENTIMENT_PORT_AIRFLOW", text)
    with pytest.raises(BadSetting, match=r"SENTIMENT_PORT_AIRFLOW is not valid: .* is not a port"):
        stack.ports()


def test_another_terminal_reads_the_ports_that_the_stack_recorded(tmp_path, monkeypatch):
    home = Home(tmp_path)
    home.create()
    write_atomically(home.run / stack.PORTS_FILE, {**asdict(Ports()), "airflow": 18080})
    monkeypatch.delenv("SENTIMENT_PORT_AIRFLOW", raising=False)
    assert stack.ports_in_use(home).airflow == 18080
