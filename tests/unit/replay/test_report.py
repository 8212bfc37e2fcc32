"""Page and JSON of a replay: the same after a second run, without foreign addresses, and true to what was replayed."""

from __future__ import annotations

import csv
import itertools
import json
import re
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from typer.testing import CliRunner

from sentiment_lib.cli.models import replay as commands
from sentiment_lib.errors import BadInput
from sentiment_lib.evaluation import gate
from sentiment_lib.records import LABELS
from sentiment_lib.replay import cell, cube, draws
from sentiment_lib.replay.history import to_moment
from sentiment_lib.replay.policy_file import shipped_policies
from sentiment_lib.sources.files import FileSource
from sentiment_lib.steps.replay import read_history, run_replay
from tests.unit.replay.conftest import POLICY, RECIPE, small_history

ORDER = run_replay.ReplayOrder(blocks="6 blocks", recipe=RECIPE, draws=3)
POLICIES = [
    one for one in shipped_policies() if one.name in ("never", "always", "labels-500", "staleness", "opportunity")
]


@pytest.fixture(scope="module")
def result(cells):
    """The small history, replayed."""
    return run_replay.run(small_history(), ORDER, POLICIES, POLICY, cells)


def test_a_second_replay_writes_the_same_bytes(result, cells, tmp_path):
    first, page = run_replay.write(result, tmp_path / "a")
    again = run_replay.run(small_history(), ORDER, POLICIES, POLICY, cells)
    second, _ = run_replay.write(again, tmp_path / "b")
    assert first.read_bytes() == second.read_bytes()
    text = page.read_text()
    assert not re.search(r"https?://|<script|@import|url\(", text)
    assert text.count("<svg") == 4 + 2 * len(POLICIES)
    assert result.conclusion.split("“")[0] in text
    assert f"{100 * result.refit.gain.value:+.2f} points" in text.partition("Refitting")[2][:300]


class Killed(BaseException):
    """The process is gone."""


def kill_at_call(monkeypatch, module, name, number):
    """The call of this number of a module's function ends the process."""
    left, called = itertools.count(number - 1, -1), getattr(module, name)

    def counted(*given, **named):
        if next(left) == 0:
            raise Killed
        return called(*given, **named)

    monkeypatch.setattr(module, name, counted)


def test_a_replay_that_was_killed_again_and_again_writes_the_same_bytes(result, monkeypatch, tmp_path):
    """While it trains, stores, judges and draws, and in the middle of a line of its memory."""
    expected, _ = run_replay.write(result, tmp_path / "expected")
    random = np.random.default_rng(7)
    places = [
        (cell.catalog, "train", 1),
        (cube, "write_cell", 2),
        (cell.np, "savez", 2),
        (gate, "decide", 2),
        (gate, "decide", int(random.integers(1, 4))),
        (draws, "simulate", int(random.integers(1, 4))),
    ]
    for module, name, number in places:
        with monkeypatch.context() as patched:
            kill_at_call(patched, module, name, number)
            with pytest.raises(Killed):
                run_replay.run(small_history(), ORDER, POLICIES, POLICY, tmp_path / "cache")
        for lines in (tmp_path / "cache").glob("results/*.jsonl"):
            text = lines.read_bytes()
            lines.write_bytes(text[: len(text) - int(random.integers(1, 40))])
    run = run_replay.run(small_history(), ORDER, POLICIES, POLICY, tmp_path / "cache")
    found, _ = run_replay.write(run, tmp_path / "found")
    assert found.read_bytes() == expected.read_bytes()


def test_the_figures_belong_together(result):
    compared = result.comparison
    by_name = {(one.run.policy, one.run.gated): one for one in compared.policies}
    never, always = by_name["never", False], by_name["always", False]
    assert never.against_never.value == 0
    assert never.freshness.value == 0
    assert never.percentile == 0.5
    assert always.timing_regret == pytest.approx(0), "there is one schedule of all trainings"
    assert compared.lines[-1].oracle == pytest.approx(always.quality.by_block["accuracy"])
    for one in compared.policies:
        line = compared.lines[len(one.run.trainings)]
        assert one.timing_regret >= -1e-9
        assert 0 <= one.percentile <= 1
        if not one.run.gated:
            assert line.schedules[0] - 1e-9 <= one.quality.by_block["accuracy"] <= line.schedules[2] + 1e-9
        assert one.money["5"] >= min(line.errors + 5 * line.trainings for line in compared.lines) - 1e-9
        assert one.money["25"] - one.money["5"] == pytest.approx(20 * len(one.run.trainings))
    for line in compared.lines:
        assert line.schedules[2] == pytest.approx(line.oracle), "the best plan is the best of all schedules"
        # rows of a block are halved at random, and not all blocks have an even number of them
        assert line.half_split <= line.oracle + 0.001
    caution = result.caution
    assert caution.lost.value == pytest.approx(
        always.quality.by_block["accuracy"] - by_name["always", True].quality.by_block["accuracy"]
    )
    assert caution.promotions + caution.blocked == caution.trainings
    assert result.refit.models == len(set(by_name["always", True].run.serving))
    assert {one.policy for one in result.draws} == {"staleness"}


def write_tweets(path, rows=400):
    """Labelled tweets as a file, one of them twice and one without a label."""
    history = small_history(rows)
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["tweet_id", "text", "created_at", "label", "confidence"])
        for row in range(rows):
            moment = to_moment(history.created_at[row]).isoformat()
            out.writerow([history.tweet_id[row], history.text[row], moment, LABELS[history.label[row]], 0.7])
        out.writerow([1, history.text[0], to_moment(history.created_at[0]).isoformat(), "neutral", 0.9])
        out.writerow([rows + 1, "no label", "2026-02-01T00:00:00Z", "", ""])
    return history


def test_a_file_is_read_as_ingestion_reads_it(tmp_path):
    written = write_tweets(tmp_path / "tweets.csv")
    read = read_history.from_file(FileSource(tmp_path / "tweets.csv"), "tweets")
    assert read.text == written.text
    assert read.label.tolist()[1:] == written.label.tolist()[1:]
    assert read.label[0] == 1, "of two labels the surer one"
    until = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=350)
    assert read_history.from_file(FileSource(tmp_path / "tweets.csv"), "tweets", until=until).rows == 350
    with pytest.raises(BadInput, match="300 are needed"):
        read_history.from_file(FileSource(tmp_path / "tweets.csv"), "tweets", since=until)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["{file}", "--only", "nothing"], "choose from never"),
        (["--since", "May"], "YYYY-MM-DD"),
        (["--label-delay", "3 weeks"], "12h"),
        ([], "--since and --until"),
        (["{file}", "--blocks", "month"], "500 rows"),
        (["{file}", "--blocks", "4 blocks", "--family", "wizard"], "no model family"),
        (["{file}", "--policy", "{file}"], "not TOML"),
    ],
)
def test_a_misuse_says_what_to_write(arguments, problem, tmp_path, monkeypatch):
    import typer

    monkeypatch.chdir(tmp_path)
    write_tweets(tmp_path / "tweets.csv")
    app = typer.Typer()
    commands.register(app)
    filled = [one.format(file=tmp_path / "tweets.csv") for one in arguments]
    failed = CliRunner().invoke(app, filled)
    assert isinstance(failed.exception, Exception)
    assert problem in str(failed.exception)
    assert not (tmp_path / "replay").exists(), "nothing was written"


def test_json_has_no_number_that_json_does_not_know(result):
    text = json.dumps(result.as_dict(), allow_nan=False)
    assert json.loads(text)["comparison"]["matrix"][1][0] is None
