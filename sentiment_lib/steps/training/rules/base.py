"""Protocol of a retrain rule: a name, and a reason for a retrain or None."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from sqlalchemy import Connection

from sentiment_lib.policy import RetrainPolicy


class RetrainRule(Protocol):
    """A condition under which the platform requests a retrain.

    A rule only reads. Recording the request once, the cool-down and the minimum of new labels are enforced for every
    rule by `request_retrain`. Its cost must not grow with the database: it is evaluated every ten minutes.
    """

    @property
    def name(self) -> str:
        """Name stored with the request, shown on pages and in the evidence; lower case, unique."""
        ...

    def reason(self, connection: Connection, policy: RetrainPolicy, at: datetime) -> str | None:
        """Why a retrain is needed at `at` (aware, UTC), with the numbers behind it; None when it is not."""
        ...
