"""Verify everything as the nightly run does: a problem opens an alert, and a run without one resolves it."""

from __future__ import annotations

from sentiment_lib.records import Severity
from sentiment_lib.settings import Settings
from sentiment_lib.steps.operations import verify
from sentiment_lib.steps.operations.verify import VerifyResult
from sentiment_lib.storage import alerts
from sentiment_lib.storage.engine import Store

#: Kind of the alert, and its key.
VERIFY = "verify"
#: Problems that the alert names.
NAMED = 20


def run(store: Store, settings: Settings) -> VerifyResult:
    """Read everything again, whatever was verified before, and record how far it was without a problem."""
    result = verify.run(store, settings, record=True)
    with store.begin() as connection:
        if result.ok:
            alerts.resolve_by_key(connection, VERIFY)
        else:
            more = len(result.problems) - NAMED
            lines = [*result.problems[:NAMED], *([f"and {more} more"] if more > 0 else [])]
            alerts.open_alert(
                connection,
                kind=VERIFY,
                severity=Severity.CRITICAL,
                dedup_key=VERIFY,
                title=f"{len(result.problems)} records are not what the platform recorded",
                body="\n".join(lines),
            )
    return result
