"""The replay lab on public labelled tweets: a page and JSON for each history, an index, and one picture of all.

    make replay-demo [DATA=../shared/data] [ARGS="--family tfidf_logreg --jobs 1"]

Trainings are stored in the output folder: a killed run goes on where it was, and a repeated one needs none.
"""

from __future__ import annotations

import argparse
import html
import os
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sentiment_lib.errors import SentimentError
from sentiment_lib.files import write_atomically
from sentiment_lib.policy import Policy
from sentiment_lib.replay.cell import Recipe
from sentiment_lib.replay.history import History
from sentiment_lib.replay.policy_file import shipped_policies
from sentiment_lib.sources.files import FileSource
from sentiment_lib.steps.replay import overview, read_history, run_replay

#: After this day Sentiment140 has negative tweets only.
SENTIMENT140_END = datetime(2009, 6, 16, tzinfo=UTC)


@dataclass(frozen=True)
class Demo:
    """One history and how it is divided."""

    title: str
    file: str
    preset: str
    blocks: str
    #: the day after the last one
    until: datetime | None = None

    def read(self, folder: Path) -> History:
        """Its labelled tweets, from the folder of the data sets."""
        return read_history.from_file(FileSource(folder / self.file, self.preset), self.preset, until=self.until)


DEMOS = (
    Demo("Airline week, by day", "us_airline_tweets.csv", "airline", "day"),
    Demo("Airline week, every 500 labels", "us_airline_tweets.csv", "airline", "500 rows"),
    Demo("SemEval 2013 to 2016, 12 blocks", "semeval_2013_2016_tweets.csv.gz", "semeval", "12 blocks"),
    Demo("SemEval 2013 to 2016, 24 blocks", "semeval_2013_2016_tweets.csv.gz", "semeval", "24 blocks"),
    Demo("Sentiment140 until 15 June", "sentiment140_sample.csv.gz", "sentiment140", "12 blocks", SENTIMENT140_END),
)


def main() -> int:
    """Replay what is there; 1 with a message when nothing is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--out", type=Path, default=Path("build/replay-demo"))
    parser.add_argument("--family", default="count_logreg")
    parser.add_argument("--jobs", type=int, default=2, help="trainings at the same time")
    asked = parser.parse_args()
    missing = sorted({demo.file for demo in DEMOS if not (asked.data / demo.file).exists()})
    for name in missing:
        print(f"{asked.data / name} is not there: its histories are left out", file=sys.stderr)
    demos = [demo for demo in DEMOS if demo.file not in missing]
    if not demos:
        print(
            "No history can be replayed. Name the folder of the data sets: make replay-demo DATA=FOLDER.\n"
            "The lab replays a file of your own, too: sentiment replay FILE --help",
            file=sys.stderr,
        )
        return 1
    began = time.monotonic()
    histories: dict[str, History] = {}
    results = []
    for demo in demos:
        if demo.file not in histories:
            histories[demo.file] = demo.read(asked.data)
        results.append((demo, *replay(demo, histories[demo.file], asked)))
    picture = asked.out / "overview.svg"
    write_atomically(picture, overview.render([(demo.title, result) for demo, _, result in results]))
    write_atomically(asked.out / "index.html", index(results))
    spent = sum(os.times()[:4])
    print(f"{asked.out / 'index.html'}: {time.monotonic() - began:,.0f} s, {spent:,.0f} CPU seconds")
    return 0


def replay(demo: Demo, history: History, asked: argparse.Namespace) -> tuple[Path, dict[str, Any]]:
    """Page and result of one history."""
    order = run_replay.ReplayOrder(blocks=demo.blocks, recipe=Recipe(family=asked.family), jobs=asked.jobs)
    begun = time.monotonic()

    def report(done: int, count: int, share: float) -> None:
        left = (time.monotonic() - begun) * (1 - share) / share
        print(f"{demo.title}: training {done} of {count}, about {left:,.0f} s left", file=sys.stderr)

    result = run_replay.run(history, order, shipped_policies(), Policy(), asked.out / "cache", progress=report)
    _, page = run_replay.write(result, asked.out)
    print(f"{demo.title}: {result.conclusion}")
    return page, result.as_dict()


def index(results: list[tuple[Demo, Path, dict[str, Any]]]) -> str:
    """The page that leads to the pages of the histories."""
    entries = "".join(
        f'<h2><a href="{html.escape(page.name)}">{html.escape(demo.title)}</a></h2>'
        f"<p>{html.escape(result['conclusion'])}</p>"
        for demo, page, result in results
    )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Replays</title>'
        "<style>body{font:15px/1.5 system-ui,sans-serif;max-width:960px;margin:24px auto;padding:0 16px}"
        "img{width:100%}</style><h1>Replays of retraining policies</h1>"
        f'<img src="overview.svg" alt="Accuracy by number of trainings">{entries}</html>'
    )


if __name__ == "__main__":
    try:
        sys.exit(main())
    except SentimentError as error:
        sys.exit(str(error))
