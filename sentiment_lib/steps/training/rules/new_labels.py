"""Enough new labels: since the last snapshot, or at all before the first one."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from sentiment_lib.policy import RetrainPolicy
from sentiment_lib.storage import labels, snapshots


class FirstLabels:
    """Request the first retrain once `retrain.new_labels` labels are stored."""

    name = "first"

    def reason(self, connection: Connection, policy: RetrainPolicy, at: datetime) -> str | None:  # noqa: ARG002
        """The number of labels, as long as no snapshot exists."""
        if snapshots.last_created_at(connection) is not None:
            return None
        new = labels.count_stored_since(connection, None)
        return f"{new} labels and no snapshot yet" if new >= policy.new_labels else None


class NewLabels:
    """Request a retrain once `retrain.new_labels` labels were stored since the last snapshot."""

    name = "labels"

    def reason(self, connection: Connection, policy: RetrainPolicy, at: datetime) -> str | None:  # noqa: ARG002
        """The number of labels since the last snapshot."""
        last = snapshots.last_created_at(connection)
        if last is None:
            return None
        new = labels.count_stored_since(connection, last)
        return f"{new} labels since the last snapshot" if new >= policy.new_labels else None
