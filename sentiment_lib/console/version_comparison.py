"""Page that compares two versions on the same labelled rows."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from sentiment_lib.errors import BadInput
from sentiment_lib.evaluation.evidence_text import humanise_metrics
from sentiment_lib.pages import formatting
from sentiment_lib.pages.charts.confusion_matrix import confusion_matrix
from sentiment_lib.pages.charts.figure import Chart
from sentiment_lib.pages.charts.intervals import Interval, intervals
from sentiment_lib.policy import Policy
from sentiment_lib.records import LABELS
from sentiment_lib.steps.decisions import compare_versions
from sentiment_lib.steps.decisions.compare_versions import VersionComparison
from sentiment_lib.storage import model_versions, predictions


def view(connection: Connection, policy: Policy, one: int, other: int) -> dict[str, Any]:
    """Template values. Raises BadInput for one version twice, NotFound for an unknown version."""
    if one == other:
        raise BadInput(what="versions", problem="choose two different ones")
    families = {number: model_versions.by_version(connection, number).family for number in (one, other)}
    compared = compare_versions.run(connection, one, other, policy)
    return {
        "one": one,
        "other": other,
        "families": families,
        "numbers": model_versions.numbers(connection),
        "compared": compared,
        "answer": _answer(compared, families),
        "metrics": [
            (humanise_metrics(name), first, second)
            for name, (first, second) in (compared.metrics.items() if compared else ())
        ],
        "difference": _difference(compared) if compared else None,
        "confusion": _confusion(compared) if compared else [],
        "examples": predictions.newest_disagreements(connection, champion=other, candidate=one),
    }


def choice(connection: Connection, one: int | None, other: int | None) -> dict[str, Any]:
    """Template values of a comparison without both versions: what can be chosen, and what is proposed."""
    numbers = model_versions.numbers(connection)
    champion = model_versions.champion(connection)
    first = one or next((number for number in numbers if number != other), None)
    serving = champion.version if champion and champion.version != first else None
    second = other or serving or next((number for number in numbers if number != first), None)
    return {"numbers": numbers, "one": first, "other": second}


def _answer(compared: VersionComparison | None, families: dict[int, str]) -> str:
    if compared is None:
        return "No labelled tweet was read by both versions, so nothing says which is better."
    metric, points = humanise_metrics(compared.metric), formatting.signed(100 * compared.difference, 1)
    text = f"Version {compared.one} ({families[compared.one]}) has {points} points of {metric}"
    if compared.low is None or compared.high is None:
        return f"{text} on {compared.rows:,} labelled rows: too few to tell it from chance."
    bounds = f"{formatting.signed(100 * compared.low, 1)} to {formatting.signed(100 * compared.high, 1)}"
    verdict = "better" if compared.low > 0 else "worse" if compared.high < 0 else "not told apart"
    return f"{text} against version {compared.other} ({families[compared.other]}), {bounds}: {verdict}."


def _difference(compared: VersionComparison) -> Chart | None:
    """The difference with its interval; None without one."""
    if compared.low is None or compared.high is None:
        return None
    row = Interval(
        name=humanise_metrics(compared.metric), value=compared.difference, low=compared.low, high=compared.high
    )
    percent = f"{100 * compared.confidence:.4g} % interval"
    title = f"Version {compared.one} minus version {compared.other}, {percent}"
    return intervals(title, [row], axis="difference", unit="points", note=percent)


def _confusion(compared: VersionComparison) -> list[Chart]:
    names = [str(label) for label in LABELS]
    return [
        confusion_matrix(f"Confusion matrix of version {version}", names, matrix.tolist())
        for version, matrix in zip((compared.one, compared.other), compared.confusion, strict=True)
    ]
