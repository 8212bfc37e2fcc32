"""`make replay-demo`: pages, an index and one picture of the histories that are there, and a message without any."""

from __future__ import annotations

import re
import sys
from xml.etree import ElementTree

import pytest

from scripts import replay_demo
from sentiment_lib.replay.memory import Memory
from tests.unit.replay.test_report import write_tweets

DEMOS = (
    replay_demo.Demo("Small & early", "small.csv", "plain", "4 blocks"),
    replay_demo.Demo("Elsewhere", "absent.csv", "plain", "4 blocks"),
)


@pytest.fixture
def demo(monkeypatch, tmp_path):
    """Runs the script on the folder of this test."""
    monkeypatch.setattr(replay_demo, "DEMOS", DEMOS)

    def run(*more: str) -> int:
        arguments = ["replay_demo", "--data", str(tmp_path), "--out", str(tmp_path / "out"), "--jobs", "1", *more]
        monkeypatch.setattr(sys, "argv", arguments)
        return replay_demo.main()

    return run


def test_the_demo_shows_the_histories_that_are_there_and_names_those_that_are_not(demo, tmp_path, capsys):
    write_tweets(tmp_path / "small.csv", rows=1600)
    assert demo() == 0
    assert "absent.csv is not there" in capsys.readouterr().err
    out = tmp_path / "out"
    page = (out / "index.html").read_text()
    for link in re.findall(r'(?:href|src)="([^"]+)"', page):
        assert (out / link).exists(), link
    assert "Small &amp; early" in page
    picture = ElementTree.fromstring((out / "overview.svg").read_text())
    words = "".join(picture.itertext())
    assert "Small & early" in words
    assert "Every 500 labels" in words
    assert "gate flight" not in words, "no text of a tweet"
    height = float(picture.get("viewBox").split()[3])
    lowest = [one for one in picture.iter() if one.tag.endswith("text") and (one.text or "").startswith("17 ")]
    assert lowest, "the legend names the last policy"
    assert float(lowest[0].get("y")) < height, "it is inside of the picture"
    assert demo() == 0
    assert "training" not in capsys.readouterr().err, "nothing is trained twice"


def test_without_any_history_it_says_what_to_name(demo, tmp_path, capsys):
    assert demo() == 1
    assert "DATA=FOLDER" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_result_is_kept_for_the_same_question_about_the_same_thing(tmp_path):
    asked = []

    def compute():
        asked.append(1)
        return len(asked), "as computed"

    for about in ("one cube", "one cube", "another"):
        memory = Memory(tmp_path / "results.jsonl", about=about)
        assert memory.stored(("check", 3), compute)[0] == len(asked)
    assert len(asked) == 2
    assert memory.stored(("check", 4), compute) == [3, "as computed"]
