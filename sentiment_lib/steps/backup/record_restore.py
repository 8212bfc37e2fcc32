"""Enter a restore into the books: a signed row of the ledger, the row of its backup, an alert, and an anchor.

Whoever restores an older backup takes back what was done since, revocations too: so nobody stays signed in, and
everybody hears of it.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from sentiment_lib import clock
from sentiment_lib.records import Severity
from sentiment_lib.steps.backup.manifest import Manifest
from sentiment_lib.storage import anchors, api_keys, approval_votes, backups, ledger, person_tokens, verified_points
from sentiment_lib.storage.alerts import open_alert
from sentiment_lib.storage.backups import Backup
from sentiment_lib.storage.engine import Store

#: Kind of the ledger's row, and of the alert.
KIND, ALERT = verified_points.RESTORED, "restored"


def run(store: Store, restored: Manifest) -> None:
    """Record that this database is that of the backup: what came after the row of the ledger it names is lost.

    Every person token is revoked and every delegation ended, since those that ended after the backup are in use again.
    """
    facts: dict[str, object] = {
        "backup": restored.name,
        "manifest_hash": restored.digest,
        "as_of": restored.as_of.isoformat(),
        "sequence": restored.sequence,
        "entry_hash": restored.entry_hash,
    }
    now = clock.now()
    backup = Backup(
        name=restored.name,
        as_of=restored.as_of,
        finished_at=now,
        size_bytes=restored.size_bytes,
        manifest_hash=restored.digest,
    )
    with store.begin() as connection:
        backups.store(connection, backup)
        facts["tokens_revoked"] = person_tokens.revoke_all(connection)
        facts["delegations_ended"] = _end_delegations(connection, restored.name, now)
        keys = api_keys.count_living(connection)
        open_alert(
            connection,
            kind=ALERT,
            severity=Severity.CRITICAL,
            dedup_key=f"{ALERT}/{restored.name}",
            title=f"The platform was restored to {restored.as_of:%Y-%m-%d %H:%M} UTC",
            body=f"From backup {restored.name}: what came after row {restored.sequence} of the ledger is lost. Nobody "
            f"is signed in any more, and no delegation is left. {keys} API keys and the policy are in use as they were "
            "then: also keys that were revoked and approved proposals that were withdrawn since.",
        )
        ledger.append(connection, KIND, facts)
    anchors.append(store)


def _end_delegations(connection: Connection, backup: str, now: datetime) -> int:
    """End the delegations that the backup brought back; returns how many."""
    active = approval_votes.active_delegations(connection, now)
    for one in active:
        approval_votes.store_delegation(
            connection, principal=one.principal, delegate=one.delegate, until=now, provenance={"restored": backup}
        )
    return len(active)
