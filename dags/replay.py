"""Replays retraining policies on the platform's own labelled tweets, and may propose the one that pays."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import Param, dag, task
from sentiment_airflow import defaults, form_choices

#: A long history of a large family trains for hours; its trainings are stored, and a cleared run continues.
TIMEOUT = timedelta(hours=12)


@dag(
    description="What other retraining policies would have done between two days",
    schedule=None,
    max_active_runs=1,
    dagrun_timeout=TIMEOUT + timedelta(minutes=30),
    tags=["sentiment", "model"],
    params={
        "since": Param(type="string", format="date", description="first day"),
        "until": Param(type="string", format="date", description="day after the last one"),
        "blocks": Param("day", type="string", description='"day", "500 rows" or "12 blocks": when policies decide'),
        "family": form_choices.family(),
        "price": Param(
            defaults.policy().retrain.price_errors, type="number", minimum=0, description="errors a training is worth"
        ),
        "label_delay_days": Param(0, type="number", minimum=0, description="days until a label is known, at least"),
        "propose": Param(False, type="boolean", description="propose the cheapest policy for approval"),
    },
    doc_md=str(Path(__file__).with_suffix(".md")),
    **defaults.DAG,
)
def replay() -> None:
    @task(pool=defaults.policy().retrain.pool, execution_timeout=TIMEOUT)
    def compare_policies(params: dict[str, Any], dag_run: Any) -> dict[str, Any]:
        """Replay; returns the conclusion and the address of the page."""
        from datetime import UTC, datetime

        from sentiment_airflow.run_people import find_author
        from sentiment_airflow.run_step import run_key, run_step, to_xcom

        from sentiment_lib.replay.cell import Recipe
        from sentiment_lib.replay.simulation import Conditions
        from sentiment_lib.steps.replay import replay_tables
        from sentiment_lib.steps.replay.run_replay import ReplayOrder
        from sentiment_lib.storage.policy_proposals import Author

        since, until = (datetime.fromisoformat(params[name]).replace(tzinfo=UTC) for name in ("since", "until"))
        order = ReplayOrder(
            blocks=params["blocks"],
            recipe=Recipe(family=params["family"]),
            conditions=Conditions(price=float(params["price"])),
            label_delay=timedelta(days=params["label_delay_days"]),
        )
        author = None
        if params["propose"]:
            name = find_author(dag_run) or run_key(dag_run)
            author = Author(name=name, provenance={"channel": "Airflow", "run": run_key(dag_run)})
        found = run_step(replay_tables.run, since=since, until=until, order=order, propose_as=author)
        address = f"/sentiment/replays/{found.evidence_hash}"
        return to_xcom(found, "history", "conclusion", "evidence_hash", "proposal_id", "note") | {"page": address}

    compare_policies()


replay()
