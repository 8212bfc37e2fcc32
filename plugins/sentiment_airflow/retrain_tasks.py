"""The tasks of retrain, one step each: what a step needs from Airflow's context, and what XCom carries on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sentiment_airflow.run_step import asked_by, call

Json = dict[str, Any]
#: What the families of one kind gave; None when there are none.
Decisions = Sequence[Json] | Json | None


def begin(dag_run: Any = None, params: Any = None) -> list[Json]:
    """Which rule asked for this run; open wishes are taken, so that nobody wishes them twice."""
    from airflow.sdk.exceptions import AirflowSkipException

    rule = "person" if dag_run.triggering_user_name else "schedule"
    taken = call(
        "training.request_retrain",
        "claim_requests",
        run_id=asked_by(dag_run),
        otherwise=rule,
        families=params["families"],
    )
    if not taken:
        raise AirflowSkipException("no rule asks for a retrain, and too few labels are new since the last snapshot")
    return taken


def snapshot() -> int:
    """Number of the snapshot of this moment; too few labels skip the run instead of failing it."""
    from airflow.sdk.exceptions import AirflowSkipException

    from sentiment_lib.errors import NotEnoughLabels

    try:
        return call("training.snapshot")["snapshot_id"]
    except NotEnoughLabels as error:
        raise AirflowSkipException(str(error)) from error


def orders(snapshot_id: int, fine_tuned: bool, params: Any = None) -> list[Json]:
    """One order for each of the run's families that fine-tune a network, or for each of the others."""
    asked = {"families": params["families"], "seed": params["seed"]}
    return call("training.family_selection", "orders", snapshot_id=snapshot_id, fine_tuned=fine_tuned, **asked)


def train(order: Json, dag_run: Any = None) -> Json:
    """The candidate of one family; the same run and family find it instead of training again."""
    key = f"{asked_by(dag_run)}/{order['family']}"
    version = call("training.train", **order, run_key=key, began=dag_run.start_date)
    return {"snapshot_id": order["snapshot_id"], "candidate": version["version"], "family": version["family"]}


def evaluate(trained: Json, dag_run: Any = None) -> Json:
    """The gate's decision on one candidate."""
    decision = call(
        "decisions.evaluate",
        snapshot_id=trained["snapshot_id"],
        candidate=trained["candidate"],
        requested_by=asked_by(dag_run),
    )
    return {key: decision[key] for key in ("decision_id", "answer", "candidate_version", "evidence_hash")}


def decided(light: Decisions, heavy: Decisions) -> list[int]:
    """Numbers of the decisions of those families that came through."""
    # Airflow hands over the bare value when only one family came through
    parts = [[part] if isinstance(part, Mapping) else part or [] for part in (light, heavy)]
    return [decision["decision_id"] for part in parts for decision in part]


def ask(decision_ids: Sequence[int], dag_run: Any = None) -> Json | None:
    """The question for the best PROMOTE; questions that it supersedes are taken from the UI."""
    from airflow.sdk.exceptions import AirflowFailException

    if not decision_ids:
        raise AirflowFailException("no family came through: the log of each training says why")
    question = call("decisions.request_approval", decision_ids=list(decision_ids), requested_by=asked_by(dag_run))
    if question:
        from sentiment_airflow.stale_approvals import withdraw

        withdraw(question.pop("superseded"))
    return question


def record(dag_run: Any = None, ti: Any = None) -> Json | None:
    """The recorded answer when it is an approval, else None. A question that was withdrawn has no answer to record."""
    question = ti.xcom_pull(task_ids="ask")
    reply = ti.xcom_pull(task_ids="approval")
    if not reply:
        return None
    user = reply["responded_by_user"]
    approval = call(
        "decisions.record_approval",
        decision_id=question["decision_id"],
        answer=answer_of(reply),
        answered_by=user["id"] if user else None,
        reason=(reply["params_input"] or {}).get("reason"),
        evidence_hash=question["evidence_hash"],
        requested_by=dag_run.triggering_user_name,
    )
    return {"decision_id": question["decision_id"]} if approval["answer"] == "approved" else None


def promote(answer: Json) -> Json:
    """The deployment; refused when the champion is no longer the one that was compared with."""
    return call("deployment.promote", decision_id=answer["decision_id"])


def answer_of(reply: Mapping[str, Any]) -> str:
    """The ledger's word for an Airflow reply; no user means that the time ran out."""
    if not reply["responded_by_user"]:
        return "expired"
    return "approved" if list(reply["chosen_options"]) == ["Promote"] else "rejected"
