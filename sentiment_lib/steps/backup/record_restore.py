"""Enter a restore into the books: a signed row of the ledger, the row of its backup, and an anchor."""

from __future__ import annotations

from datetime import UTC, datetime

from sentiment_lib.steps.backup.manifest import Manifest
from sentiment_lib.storage import anchors, backups, ledger, verified_points
from sentiment_lib.storage.backups import Backup
from sentiment_lib.storage.engine import Store

#: Kind of the ledger's row.
KIND = verified_points.RESTORED


def run(store: Store, restored: Manifest) -> None:
    """Record that this database is that of the backup: what came after the row of the ledger it names is lost."""
    facts = {
        "backup": restored.name,
        "manifest_hash": restored.digest,
        "as_of": restored.as_of.isoformat(),
        "sequence": restored.sequence,
        "entry_hash": restored.entry_hash,
    }
    backup = Backup(
        name=restored.name,
        as_of=restored.as_of,
        finished_at=datetime.now(UTC),
        size_bytes=restored.size_bytes,
        manifest_hash=restored.digest,
    )
    with store.begin() as connection:
        backups.store(connection, backup)
        ledger.append(connection, KIND, facts)
    anchors.append(store)
