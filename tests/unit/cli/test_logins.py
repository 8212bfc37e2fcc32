from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from sentiment_lib.cli.terminal import login_table

KEY = "sk_" + "k" * 43
LOGINS = [
    ("Airflow (administers)", "http://127.0.0.1:8080", "admin", "a" * 16),
    ("API and test page", "http://127.0.0.1:8000", "local (key)", KEY),
    ("MLflow", "http://127.0.0.1:5000", "", ""),
    ("Postgres (reads)", "postgresql://127.0.0.1:5433/sentiment", "sentiment_console", "p" * 32),
]


def drawn(width, sample=True):
    console = Console(file=io.StringIO(), width=width)
    login_table.draw(console, LOGINS, Path("/home/of/someone/with/a/long/name/.local/logs"), sample=sample)
    return console.file.getvalue()


@pytest.mark.parametrize("width", [80, 100, 160])
def test_every_address_password_and_key_stands_whole_on_one_line(width):
    lines = drawn(width).splitlines()
    for text in [part for login in LOGINS for part in login] + ["/home/of/someone/with/a/long/name/.local/logs"]:
        assert any(text in line for line in lines), text


def test_an_approval_within_minutes_is_promised_with_the_sample_alone():
    assert "An approval appears within minutes" in drawn(160)
    assert "within minutes" not in drawn(160, sample=False)
    assert "sentiment ingest FILE" in drawn(160, sample=False)


def test_a_terminal_of_40_columns_wraps_and_cuts_nothing():
    text = drawn(40)
    assert "…" not in text
    assert KEY in text
