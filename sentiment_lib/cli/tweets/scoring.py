"""Commands that score tweets: the champion, and versions in shadow."""

from __future__ import annotations

from typing import Annotated

import typer

from sentiment_lib.cli.common import Json, open_store, show
from sentiment_lib.cli.terminal.progress_bar import progress_bar


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command()(score)
    app.command()(shadow)


WholeHistory = Annotated[
    bool, typer.Option("--whole-history", help="Score older tweets down to the first, not to score.rescore_window.")
]


def score(whole_history: WholeHistory = False, as_json: Json = False) -> None:
    """Score all new tweets with the champion, and after a promotion the newest of the older ones."""
    from sentiment_lib.steps.scoring import score as step

    with open_store() as (store, settings), progress_bar("Scoring"):
        result = step.run(store, settings, whole_history=whole_history)
    text = f"Version {result.model_version} scored {result.scored:,} tweets in {result.seconds:.1f} s"
    show(result, as_json, text)


def shadow(as_json: Json = False) -> None:
    """Score a share of the new tweets with the challenger and the previous champion."""
    from sentiment_lib.steps.scoring import shadow as step

    with open_store() as (store, settings), progress_bar("Scoring in shadow"):
        result = step.run(store, settings)
    lines = [f"Version {version} scored {count:,} tweets in shadow" for version, count in result.scored.items()]
    show(result, as_json, "\n".join(lines) or "No version scores in shadow")
