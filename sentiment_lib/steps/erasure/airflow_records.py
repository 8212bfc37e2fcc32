"""What people typed into Airflow: the form and the notes of a run and its tasks, and answers to its questions.

It is searched by Airflow's REST API and left as it is: a run is part of who did what. The receipt names each that
speaks of a forgotten tweet, so that somebody deletes it there, or says why nobody could look.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sentiment_lib.airflow_client import AirflowClient
from sentiment_lib.erasure.terms import Terms
from sentiment_lib.settings import Settings

#: Records of a kind that are looked at, the newest first.
MOST = 10_000
#: Path -> (list in the answer, what a person typed in a record of it). A note may be on any run or task.
TYPED: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "/dags/~/dagRuns?order_by=-run_after": ("dag_runs", ("dag_run_id", "conf", "note")),
    "/dags/~/dagRuns/~/taskInstances?order_by=-start_date": ("task_instances", ("note",)),
    "/dags/~/dagRuns/~/hitlDetails?order_by=-created_at": ("hitl_details", ("params_input", "chosen_options")),
}


@dataclass(frozen=True, kw_only=True)
class AirflowRecords:
    """What a search found."""

    #: records that were looked at
    searched: int = 0
    #: "dag/run" of each that speaks of what is forgotten
    speaking: tuple[str, ...] = ()
    #: why not all could be looked at; empty otherwise
    problem: str = ""


def search(settings: Settings, terms: Terms) -> AirflowRecords:
    """Look through Airflow's records with the platform's account."""
    if not settings.airflow_user:
        return AirflowRecords(problem="this process has no account in Airflow (SENTIMENT_AIRFLOW_USER)")
    import httpx

    client = AirflowClient.of_platform(settings)
    searched, speaking, cut = 0, set[str](), list[str]()
    try:
        for path, (name, typed) in TYPED.items():
            for number, record in enumerate(client.rows(path, name), start=1):
                if number > MOST:
                    cut.append(name.replace("_", " "))
                    break
                searched += 1
                said = json.dumps({field: record.get(field) for field in typed}, ensure_ascii=False)
                if terms.quoted_in(said):
                    speaking.add(terms.without(_run_of(record)))
    except (httpx.HTTPError, KeyError, TypeError, ValueError, AttributeError) as error:
        problem = f"Airflow cannot be asked ({type(error).__name__})"
        return AirflowRecords(searched=searched, speaking=tuple(sorted(speaking)), problem=problem)
    problem = f"there are more than {MOST:,} {' and '.join(cut)}, and the newest were looked at" if cut else ""
    return AirflowRecords(searched=searched, speaking=tuple(sorted(speaking)), problem=problem)


def _run_of(record: Mapping[str, Any]) -> str:
    instance = record.get("task_instance") or record
    return f"{instance['dag_id']}/{instance['dag_run_id']}"
