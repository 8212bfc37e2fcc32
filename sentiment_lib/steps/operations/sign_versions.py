"""Sign the model versions that an installation registered before it had signing keys."""

from __future__ import annotations

import logging

from sentiment_lib.errors import NotFound, UnsafeArtefact
from sentiment_lib.records import ModelVersion
from sentiment_lib.registry import model_package
from sentiment_lib.registry.mlflow_registry import Registry
from sentiment_lib.scratch import scratch_folder
from sentiment_lib.settings import Settings
from sentiment_lib.storage import ledger, model_versions
from sentiment_lib.storage.engine import Store

log = logging.getLogger(__name__)


def run(store: Store, settings: Settings, registry: Registry) -> tuple[int, ...]:
    """Sign the versions older than the first key and return their numbers; newer versions are never signed here.

    Each needs a ledger row older than that key, and ledger, database, MLflow and the package's bytes must agree on the
    digest; otherwise the version stays unsigned and is not used.
    """
    with store.begin() as connection:
        stored = model_versions.all_versions(connection)
        if not stored:
            return ()
        keys = settings.key_ring.create_first_key()
        recorded = {
            facts["version"]: facts["digest"]
            for entry in ledger.genuine_entries(connection, ("training",))
            if entry.recorded_at < keys[0].valid_from
            for facts in (entry.facts(),)
        }
    old = [version for version in stored if recorded.get(version.version) == version.digest]
    return tuple(version.version for version in old if _sign(registry, version))


def _sign(registry: Registry, version: ModelVersion) -> bool:
    """Sign the version if it has no signature and its package matches the ledger; returns whether it was signed."""
    try:
        registered = registry.get(version.version)
        if registered.signature:
            return False
        if (registered.digest, registered.run_id) != (version.digest, version.run_id):
            raise UnsafeArtefact(artefact=f"model version {version.version}", problem="MLflow and database disagree")
        with scratch_folder() as scratch:
            model_package.verify(registry.download(version.version, scratch), version.digest)
    except (NotFound, UnsafeArtefact, OSError) as error:
        log.warning("Version %s is not signed: %s", version.version, error)
        return False
    registry.sign(registered)
    return True
