"""Commands that list what there is: families, model versions, snapshots, and the lineage of a tweet."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from sentiment_lib.cli.common import Json, Limit, newest, open_store, show
from sentiment_lib.cli.terminal.table import draw


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command()(families)
    app.command()(models)
    app.command()(snapshots)
    app.command()(lineage)


def families(as_json: Json = False) -> None:
    """List the model families that `train` and `retrain` take, and which of them the policy trains."""
    from sentiment_lib.families.catalog import FAMILIES
    from sentiment_lib.settings import load_settings

    policy = load_settings().policy.retrain
    rows: list[dict[str, Any]] = [
        {
            "family": family.name,
            "fine_tunes": family.fine_tunes(policy.options.get(family.name, {})),
            "in_policy": family.name in policy.families,
            "licence": family.licence,
        }
        for family in FAMILIES
    ]
    cells = [
        (
            row["family"],
            "yes" if row["fine_tunes"] else "",
            "yes" if row["in_policy"] else "",
            row["licence"],
        )
        for row in rows
    ]
    show(rows, as_json, draw(("family", "fine-tunes a network", "retrained by policy", "licence"), cells))


def models(limit: Limit = 20, as_json: Json = False) -> None:
    """List the newest model versions: family, snapshot, metrics on the holdout, verdict, and which one serves."""
    from sentiment_lib.storage import model_versions

    with open_store() as (store, _), store.begin() as connection:
        versions = newest(model_versions.newest_versions(connection, limit + 1), limit)
        champion = model_versions.champion(connection)
    serving = champion.version if champion else None
    cells = [
        (
            f"{row.version}{' (champion)' if row.version == serving else ''}",
            row.family,
            "" if row.snapshot_id is None else str(row.snapshot_id),
            *(_percent((row.metrics or {}).get(name)) for name in ("macro_f1", "negative_f1")),
            row.verdict or "",
            f"{row.created_at:%Y-%m-%d %H:%M}",
        )
        for row in versions
    ]
    header = ("version", "family", "snapshot", "macro-F1", "negative F1", "verdict", "created (UTC)")
    records = [{**vars(row), "champion": row.version == serving} for row in versions]
    show(records, as_json, draw(header, cells) or "No model versions; `sentiment bootstrap` registers the first")


def snapshots(limit: Limit = 20, as_json: Json = False) -> None:
    """List the newest snapshots: training and holdout rows, where they were split, and the SHA-256."""
    from sentiment_lib.storage import snapshots as storage

    with open_store() as (store, _), store.begin() as connection:
        rows = newest(storage.newest(connection, limit + 1), limit)
    cells = [
        (
            str(row.snapshot_id),
            f"{row.train_rows:,}",
            f"{row.holdout_rows:,}",
            f"{row.split_at:%Y-%m-%d %H:%M}",
            row.content_hash[:12],
        )
        for row in rows
    ]
    header = ("snapshot", "training rows", "holdout rows", "holdout since (UTC)", "SHA-256")
    show(rows, as_json, draw(header, cells) or "No snapshots; `sentiment snapshot` makes one")


def lineage(tweet_id: Annotated[int, typer.Argument(help="Tweet id.")], as_json: Json = False) -> None:
    """Show a tweet: its source, its predictions and labels, and the versions trained on it."""
    from sentiment_lib.storage import lineage as storage

    with open_store() as (store, _), store.begin() as connection:
        found = storage.trace(connection, tweet_id)
    tweet = found.tweet
    lines = [
        tweet.text,
        f"  {tweet.airline or 'no airline'}, {tweet.language or 'no language'}, "
        f"written {tweet.created_at:%Y-%m-%d %H:%M}, source {tweet.source}{', synthetic' if tweet.synthetic else ''}",
        *(
            f"  predicted {row.label} by version {row.model_version} ({row.family}) "
            f"on {row.predicted_at:%Y-%m-%d %H:%M}: "
            f"negative {_percent(row.p_negative)}, neutral {_percent(row.p_neutral)}, "
            f"positive {_percent(row.p_positive)}"
            for row in found.predictions
        ),
        *(
            f"  labelled {row.label} by {row.labelled_by} ({row.source}) on {row.labelled_at:%Y-%m-%d %H:%M}"
            for row in found.labels
        ),
        *(
            f"  in the {row.part} rows of snapshot {row.snapshot_id}"
            + (f", used by version {', '.join(map(str, row.versions))}" if row.versions else "")
            for row in found.snapshots
        ),
    ]
    show(found, as_json, "\n".join(lines))


def _percent(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.1f} %"
