"""What the command line draws on a terminal: progress bars and intervals."""

from __future__ import annotations

import io
import sys

import pytest

from sentiment_lib import progress
from sentiment_lib.cli.terminal import interval_bar
from sentiment_lib.cli.terminal.interval_bar import IntervalBar
from sentiment_lib.cli.terminal.progress_bar import progress_bar


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_what_a_step_reports(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    with progress_bar("Scoring"):
        assert progress.is_watched()
        progress.report("Scoring with version 3", 1200, 5000)
        progress.report("Training bert", 0.45, 1)
    assert "Training bert" in sys.stderr.getvalue()
    assert "45%" in sys.stderr.getvalue()
    assert not progress.is_watched()


def test_nothing_is_drawn_where_stderr_is_no_terminal(monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with progress_bar("Scoring"):
        assert not progress.is_watched()
        progress.report("Scoring", 1, 2)
    assert sys.stderr.getvalue() == ""


def test_the_bar_goes_when_the_step_fails(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    with pytest.raises(ValueError, match="broken"), progress_bar("Scoring"):
        raise ValueError("broken")
    assert not progress.is_watched()


def test_intervals_share_a_scale_with_zero_and_their_bounds():
    bars = [
        IntervalBar(name="main", value=0.02, low=0.01, high=0.03, bound=0.0),
        IntervalBar(name="guard", value=0.0, low=-0.02, high=0.02, bound=-0.03),
    ]
    main, guard = interval_bar.draw(bars, width=13)
    assert main == "      ▲ ├─●─┤"
    assert guard == "▲ ├───●───┤  "
