"""Models page: versions by quality on the same holdout and by cost, and the champions over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Connection

from sentiment_lib import clock
from sentiment_lib.console.champion_timeline import MOST_REIGNS, timeline
from sentiment_lib.evaluation.evidence_text import humanise_metrics
from sentiment_lib.pages import formatting
from sentiment_lib.pages.charts.figure import Chart
from sentiment_lib.pages.charts.points import NamedPoint, points
from sentiment_lib.statistics.metrics import CLASSES, Ints
from sentiment_lib.statistics.paired_counts import confusion_matrices
from sentiment_lib.statistics.ratio_intervals import bound_metric
from sentiment_lib.storage import leaderboard, model_versions
from sentiment_lib.storage.leaderboard import VersionEntry
from sentiment_lib.storage.page import page_of

#: Versions on a page of the list.
ROWS = 100


@dataclass(frozen=True, kw_only=True)
class Standing:
    """A version on a holdout: its main metric with a 95 % interval."""

    version: int
    family: str
    value: float
    low: float
    high: float


def view(connection: Connection, before: int | None = None) -> dict[str, Any]:
    """Template values: a page of versions below `before`; on the first page also standings and champions."""
    page = page_of(leaderboard.newest(connection, ROWS + 1, before=before), ROWS, lambda entry: entry.version)
    champion = model_versions.champion(connection)
    serving = champion.version if champion else None
    values = {"versions": page.rows, "older": page.older, "champion": serving}
    first_page = {"numbers": [], "standings": [], "answer": "", "charts": []}
    if before is None:
        first_page = _first_page(connection, page.rows, serving)
    return {**values, **first_page}


def _first_page(connection: Connection, entries: Sequence[VersionEntry], serving: int | None) -> dict[str, Any]:
    """Standings on the newest holdout, champions over time, and what can be compared."""
    judged = _newest_holdout(entries)
    families = {entry.version: entry.family for entry in entries}
    for compared in {entry.champion_version for entry in judged if entry.champion_version} - set(families):
        families[compared] = leaderboard.entry(connection, compared).family
    standings = _standings(judged, families)
    return {
        "numbers": model_versions.numbers(connection),
        "families": families,
        "standings": standings,
        "answer": _answer(standings, serving, judged),
        "metric": humanise_metrics(judged[0].main["metric"]) if judged and judged[0].main else "",
        "charts": [
            chart
            for chart in (
                _quality_and_cost(standings, entries, serving, judged),
                timeline(leaderboard.champions(connection, MOST_REIGNS + 1), clock.now()),
            )
            if chart
        ],
    }


def describe(connection: Connection, version: int) -> str:
    """A version in a sentence. Raises NotFound for an unknown number."""
    entry, champion = leaderboard.entry(connection, version), model_versions.champion(connection)
    text = f"{entry.family}, {'the champion' if champion and champion.version == version else 'not serving'}"
    if entry.metrics is None or entry.champion_metrics is None or entry.main is None:
        return f"{text}; it has not been compared with another version as a candidate."
    metric = entry.main["metric"]
    own, other = (formatting.percent(metrics[metric]) for metrics in (entry.metrics, entry.champion_metrics))
    return (
        f"{text}: {humanise_metrics(metric)} {own} on {entry.rows:,} holdout rows, where version "
        f"{entry.champion_version} had {other}."
    )


def _newest_holdout(entries: Sequence[VersionEntry]) -> list[VersionEntry]:
    """Versions that were judged on the newest snapshot that judged one."""
    newest = max((entry.snapshot_id for entry in entries if entry.snapshot_id is not None), default=None)
    return [entry for entry in entries if newest is not None and entry.snapshot_id == newest]


def _standings(judged: Sequence[VersionEntry], families: dict[int, str]) -> list[Standing]:
    """The candidates of one holdout and the champions that they were compared with, best first."""
    found: dict[int, Standing] = {}
    for entry in judged:
        if entry.cells is None or entry.main is None or entry.champion_version is None:
            continue
        champion, candidate = confusion_matrices(np.asarray(entry.cells))
        for version, confusion in ((entry.version, candidate), (entry.champion_version, champion)):
            family = families.get(version, "")
            found.setdefault(version, _standing(version, family, confusion, entry.main["metric"]))
    return sorted(found.values(), key=lambda standing: -standing.value)


def _standing(version: int, family: str, confusion: Ints, metric: str) -> Standing:
    cells = np.repeat(np.eye(CLASSES**2), confusion.reshape(-1), axis=0)
    bounds = bound_metric(cells, np.ones(len(cells)), metric)
    return Standing(version=version, family=family, value=bounds.value, low=bounds.low, high=bounds.high)


def _answer(standings: Sequence[Standing], serving: int | None, judged: Sequence[VersionEntry]) -> str:
    if not standings or not judged[0].main:
        return "No version has been compared with another one: a retrain does that."
    best, metric = standings[0], humanise_metrics(judged[0].main["metric"])
    text = (
        f"Best on the newest holdout ({judged[0].rows:,} rows): version {best.version} ({best.family}), {metric} "
        f"{formatting.percent(best.value)} (95 % interval {formatting.percent_interval((best.low, best.high))})"
    )
    if best.version == serving:
        return f"{text}. It is the champion."
    place = next((standing for standing in standings if standing.version == serving), None)
    return f"{text}; the champion, version {serving}, has {formatting.percent(place.value)}." if place else f"{text}."


def _quality_and_cost(
    standings: Sequence[Standing],
    entries: Sequence[VersionEntry],
    serving: int | None,
    judged: Sequence[VersionEntry],
) -> Chart | None:
    """Main metric against latency, for versions whose latency was measured; None with fewer than two."""
    latency = {entry.version: entry.cost.get("p99_ms") for entry in entries}
    rows = [
        NamedPoint(
            name=f"{standing.version} {standing.family}",
            x=float(milliseconds),
            y=standing.value,
            low=standing.low,
            high=standing.high,
            marked=standing.version == serving,
        )
        for standing in standings
        if (milliseconds := latency.get(standing.version))
    ]
    if len(rows) < 2 or not judged[0].main:
        return None
    return points(
        f"Quality against cost on the holdout of snapshot {judged[0].snapshot_id}, with 95 % intervals",
        rows,
        x_axis="p99 latency of one tweet (ms)",
        y_axis=humanise_metrics(judged[0].main["metric"]),
    )
