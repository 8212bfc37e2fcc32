"""The command blocks of README and tutorials run on a stack, in their order, as a newcomer types them."""

from __future__ import annotations

import csv
import re
import shlex
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sentiment_lib.sources.sample_stream import SampleStream

pytestmark = [pytest.mark.stack, pytest.mark.timeout(1500)]

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def commands(text: str) -> list[list[str]]:
    """Words of each `sentiment …` line in the blocks of a text; what starts and stops the stack is left to the test."""
    lines = [
        line
        for language, block in BLOCK.findall(text)
        if not language
        for line in block.splitlines()
        if line.startswith("sentiment ")
    ]
    words = [shlex.split(line, comments=True)[1:] for line in lines]
    return [each for each in words if each[0] not in ("up", "down", "--install-completion")]


def section(title: str) -> str:
    """A section of the README."""
    return (ROOT / "README.md").read_text().partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def run(stack, lines):
    """Run the lines; a login reads the password that `sentiment logins` shows."""
    said = {}
    for words in lines:
        if words[0] == "login":
            user = words[words.index("--user") + 1]
            said[tuple(words)] = stack.sentiment(*words, "--password-stdin", stdin=stack.passwords()[user] + "\n")
        else:
            said[tuple(words)] = stack.sentiment(*words)
    return said


@pytest.fixture
def my_tweets(tmp_path, monkeypatch):
    """A file of a user's own, with his own names of columns."""
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    stream = SampleStream(start=midnight - timedelta(days=10), days=10, per_day=300, seed=3, labelled=1.0)
    with (tmp_path / "my_tweets.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "message", "posted", "sentiment"])
        for row in stream.rows():
            if row.label:
                writer.writerow([row.tweet_id, row.text, row.created_at, row.label])
    monkeypatch.chdir(tmp_path)


def test_the_readme_brings_a_file_to_a_promoted_model(stack, my_tweets):
    stack.up(sample=False)
    first = section("Your own tweets").partition("**Files**")[0]
    said = run(stack, commands(first))
    assert "Pending approval" in said["retrain", "--family", "tfidf_logreg"]
    assert "The champion is version 2" in said["promote", "1"]
    assert "2 (champion)" in stack.sentiment("models")
    assert stack.sentiment("verify").startswith("Everything matches")


def test_the_tutorial_of_own_tweets_is_the_same_walk(my_tweets):
    tutorial = commands((ROOT / "docs/tutorials/own-tweets.md").read_text())
    readme = commands(section("Your own tweets").partition("**Files**")[0])
    assert [words for words in readme if words not in tutorial] == []


def test_the_loop_of_the_readme_and_the_first_tutorial_run_on_synthetic_tweets(stack):
    stack.up(sample=False)
    run(stack, commands(section("The loop")))
    tutorial = commands((ROOT / "docs/tutorials/first-loop.md").read_text().partition("## 4.")[2])
    said = run(stack, tutorial)
    assert "negative" in said["predict", "@united three hours late and nobody tells us anything"]
