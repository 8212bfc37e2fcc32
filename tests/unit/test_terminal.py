"""What the command line draws on a terminal: progress bars and intervals."""

from __future__ import annotations

import io
import sys
import time

import pytest

from sentiment_lib import progress
from sentiment_lib.cli.terminal import interval_bar, progress_lines
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


def test_a_log_gets_a_line_for_each_stage_that_lasts_and_one_at_the_end(monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    monkeypatch.setattr(progress_lines, "PATIENCE", 0.05)
    monkeypatch.setattr(progress_lines, "AGAIN", 0.2)

    def shows(line):
        until = time.monotonic() + 10
        while line not in sys.stderr.getvalue().splitlines():
            assert time.monotonic() < until, sys.stderr.getvalue()
            time.sleep(0.01)

    with progress_bar("Retraining"):
        shows("Retraining …")
        progress.report("Preparing bert")
        shows("Preparing bert …")
        progress.report("Training bert", 0.45, 1)
        shows("Training bert …")
        shows("Training bert: 45%")
    assert sys.stderr.getvalue().splitlines()[-1] == "Retraining: done after 0 s"


def test_a_log_gets_nothing_of_short_work_nor_an_end_of_work_that_failed(monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with progress_bar("Scoring"):
        progress.report("Scoring", 1, 2)
    monkeypatch.setattr(progress_lines, "PATIENCE", 0.01)

    def fail():
        time.sleep(0.1)
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"), progress_bar("Training"):
        fail()
    assert sys.stderr.getvalue() == "Training …\n"


def test_stderr_holds_nothing_but_an_error_under_json(monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    monkeypatch.setattr(sys, "argv", ["sentiment", "retrain", "--json"])
    with progress_bar("Retraining"):
        assert not progress.is_watched()


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
