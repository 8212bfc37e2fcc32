"""Enter a restore into the books: a signed row of the ledger, the row of its backup, an alert, and an anchor.

Whoever restores an older backup takes back what was done since, revocations too: so nobody stays signed in, and
everybody hears of it.
"""

from __future__ import annotations

from sentiment_lib import clock
from sentiment_lib.records import Severity
from sentiment_lib.steps.backup.manifest import Manifest
from sentiment_lib.storage import anchors, api_keys, backups, ledger, person_tokens, verified_points
from sentiment_lib.storage.alerts import open_alert
from sentiment_lib.storage.backups import Backup
from sentiment_lib.storage.engine import Store

#: Kind of the ledger's row, and of the alert.
KIND, ALERT = verified_points.RESTORED, "restored"


def run(store: Store, restored: Manifest) -> None:
    """Record that this database is that of the backup: what came after the row of the ledger it names is lost.

    Every person token is revoked, since those that were revoked after the backup are in use again.
    """
    facts: dict[str, object] = {
        "backup": restored.name,
        "manifest_hash": restored.digest,
        "as_of": restored.as_of.isoformat(),
        "sequence": restored.sequence,
        "entry_hash": restored.entry_hash,
    }
    backup = Backup(
        name=restored.name,
        as_of=restored.as_of,
        finished_at=clock.now(),
        size_bytes=restored.size_bytes,
        manifest_hash=restored.digest,
    )
    with store.begin() as connection:
        backups.store(connection, backup)
        facts["tokens_revoked"] = person_tokens.revoke_all(connection)
        keys = len(api_keys.list_keys(connection))
        open_alert(
            connection,
            kind=ALERT,
            severity=Severity.CRITICAL,
            dedup_key=f"{ALERT}/{restored.name}",
            title=f"The platform was restored to {restored.as_of:%Y-%m-%d %H:%M} UTC",
            body=f"From backup {restored.name}: what came after row {restored.sequence} of the ledger is lost. Nobody "
            f"is signed in any more. {keys} API keys are in use as they were then, also those that were revoked since.",
        )
        ledger.append(connection, KIND, facts)
    anchors.append(store)
