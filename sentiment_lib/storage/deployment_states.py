"""Makes the table of deployments say what the signed ledger says: the role of the steps may write other states."""

from __future__ import annotations

from sqlalchemy import Connection, func, select, update

from sentiment_lib.storage import signed_moves
from sentiment_lib.storage.tables import DeploymentRow


def restore(connection: Connection) -> list[str]:
    """Give each row the state that signed ledger rows say, and "undone" without any; says what was different.

    Call it under the lock "champion", so that no move is recorded meanwhile.
    """
    signed, changes = signed_moves.all_moves(connection), list[str]()
    for row in connection.execute(select(DeploymentRow.__table__).order_by(DeploymentRow.deployment_id)).all():
        move = signed.get(row.deployment_id)
        if move and (move.kind, move.from_version, move.to_version) != (row.kind, row.from_version, row.to_version):
            move = None
        state, finished_at = (move.state, move.finished_at) if move else ("undone", None)
        if row.state == state:
            continue
        finished = None if state == "intent" else finished_at or row.finished_at or func.now()
        connection.execute(
            update(DeploymentRow)
            .where(DeploymentRow.deployment_id == row.deployment_id)
            .values(state=state, finished_at=finished)
        )
        what = f"deployment {row.deployment_id} ({row.kind} to version {row.to_version})"
        said = f"the signed ledger says {state}" if move else "no signed row of the ledger says so"
        changes.append(f"{what} was marked as {row.state}, and {said}")
    return changes
