"""The corrected gain of a decision among the other candidates of its request."""

from __future__ import annotations

from sqlalchemy import Connection

from sentiment_lib.evaluation.evidence_record import Evidence
from sentiment_lib.evaluation.selection_bias import CorrectedGain, corrected_gain
from sentiment_lib.records import Answer, DecisionRecord
from sentiment_lib.storage import decisions


def run(connection: Connection, decision: DecisionRecord) -> CorrectedGain | None:
    """The gain of a PROMOTE, corrected for passing the gate and exceeding its rivals; None for another verdict.

    Rivals are the other PROMOTEs of the same request on the same snapshot. Raises BadInput when the evidence of one
    cannot be parsed.
    """
    if decision.verdict is not Answer.PROMOTE:
        return None
    evidence = Evidence.from_json(decision.evidence)
    rivals = [
        Evidence.from_json(other.evidence).comparison.main.difference
        for number in decisions.ids_of_request(connection, decision.requested_by)
        if number != decision.decision_id
        for other in (decisions.full_record(connection, number),)
        if other.verdict is Answer.PROMOTE and other.snapshot_id == decision.snapshot_id
    ]
    return corrected_gain(evidence.comparison, aim=evidence.aim, rivals=rivals)
