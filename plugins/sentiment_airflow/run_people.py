"""The people behind a run of Airflow, from the context of one of its tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sentiment_lib.steps.deployment.run_author import RunAuthor


def find_people(dag_run: Any) -> frozenset[str]:
    """Who triggered or cleared the run, or sent the asset event that started it; empty for nobody."""
    from sentiment_lib.settings import load_settings
    from sentiment_lib.steps.operations import run_people

    origins = [
        run_people.AssetOrigin(dag_id=event.source_dag_id, run_id=event.source_run_id, at=event.timestamp)
        for event in dag_run.consumed_asset_events
    ]
    return run_people.find(
        load_settings(),
        dag_id=dag_run.dag_id,
        run_id=dag_run.run_id,
        triggered_by=dag_run.triggering_user_name,
        clears=dag_run.clear_number or 0,
        since=dag_run.run_after,
        origins=origins,
    )


def find_author(dag_run: Any) -> str | None:
    """Who triggered a run that acts in that person's name; fails the task when somebody else made it run again."""
    from airflow.sdk.exceptions import AirflowFailException

    author: str | None = dag_run.triggering_user_name
    others = find_people(dag_run) - {author}
    if others:
        raise AirflowFailException(f"{', '.join(sorted(others))} cleared this run of {author}: trigger a new one")
    return author


def who_acts(dag_run: Any) -> RunAuthor:
    """Who triggered a run that moves the champion, and who else made it run again: the step decides who may."""
    from sentiment_airflow.run_step import run_key
    from sentiment_lib.steps.deployment.run_author import RunAuthor

    author: str | None = dag_run.triggering_user_name
    return RunAuthor(run_id=run_key(dag_run), triggered_by=author, others=find_people(dag_run) - {author})
