"""Register versions again that were deleted in MLflow, from the package in the cache, MLflow's store or a backup.

MLflow never gives a number twice, so the version gets another one there. The platform's number stays: a signed tag says
which version MLflow's stands for (`registry/registered_version.py`), and a row of the ledger names both.
"""

from __future__ import annotations

import hashlib
import logging
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sentiment_lib.errors import NotFound, UnsafeArtefact, VersionDeleted
from sentiment_lib.records import ModelVersion
from sentiment_lib.registry import deleted_version, model_package
from sentiment_lib.registry.mlflow_registry import CHAMPION, Registry
from sentiment_lib.scratch import scratch_folder
from sentiment_lib.settings import Settings
from sentiment_lib.steps.backup import archive, back_up, manifest
from sentiment_lib.storage import anchors, deployments, forged_records, ledger, model_versions
from sentiment_lib.storage.alerts import resolve_by_key
from sentiment_lib.storage.engine import Store

log = logging.getLogger(__name__)

#: Kind of the ledger's rows.
KIND = "repair"


@dataclass(frozen=True, kw_only=True)
class Rescue:
    """A backup to take packages from, and the private keys that read it."""

    backup: Path
    identities: tuple[bytes, ...]


@dataclass(frozen=True, kw_only=True)
class RepairResult:
    """Versions that MLflow did not have."""

    #: the platform's number -> MLflow's new one
    registered: Mapping[int, int]
    #: the platform's number -> why it could not be registered again
    lost: Mapping[int, str]
    #: the champion, if the alias was set on it again
    champion: int | None


def run(store: Store, settings: Settings, *, by: str, rescue: Rescue | None = None) -> RepairResult:
    """Register every version again that was deleted in MLflow, and set the alias of the champion. Idempotent.

    A package is used only if it has the digest that the ledger names. `by`: the person, for the ledger.
    """
    registry, registered, lost = Registry(settings), dict[int, int](), dict[int, str]()
    with store.begin() as connection:
        versions = model_versions.all_versions(connection)
    for version in versions:
        try:
            forged_records.require_recorded(store, "training", version.version)
            number = registry.get(version.version).registered_as
        except VersionDeleted:
            try:
                number = registered[version.version] = _register(store, settings, registry, version, rescue)
            except (NotFound, UnsafeArtefact) as error:
                lost[version.version] = str(error)
                continue
        if number != version.version:
            _record(store, version, number, by)
    return RepairResult(registered=registered, lost=lost, champion=set_champion_alias(store, registry))


def set_champion_alias(store: Store, registry: Registry) -> int | None:
    """Set the alias on a champion that was registered again, if it has none; MLflow deletes an alias with its version.

    Returns the champion if the alias was set. Nobody moved it, so this is no deployment.
    """
    with store.exclusive("alias"):
        with store.begin() as connection:
            champion = model_versions.champion(connection)
            if champion is None or deployments.pending_move(connection) is not None:
                return None
        if registry.alias(CHAMPION) is not None or not registry.exists(champion.version):
            return None
        if registry.get(champion.version).registered_as == champion.version:
            return None
        registry.set_alias(CHAMPION, champion.version)
        return champion.version


def _register(
    store: Store, settings: Settings, registry: Registry, version: ModelVersion, rescue: Rescue | None
) -> int:
    """MLflow's new number. Raises NotFound when the package is nowhere."""
    with store.begin() as connection:
        key = model_versions.training_key(connection, version.version)
    with _package(settings, registry, version, rescue) as folder:
        model = model_package.read(folder, version.digest)
        run_id, card = deleted_version.ensure_run(registry, version.run_id, version.version)
        registered = registry.register(
            folder,
            digest=version.digest,
            model=model,
            run_id=run_id,
            training_key=key,
            card=card,
            stands_for=version.version,
        )
    log.warning("Version %s is registered again, in MLflow as %s", version.version, registered.registered_as)
    return registered.registered_as


def _record(store: Store, version: ModelVersion, number: int, by: str) -> None:
    """Enter it into the ledger, once, and resolve the alert of the deletion."""
    names = {"version": version.version, "registered_as": number}
    with store.begin() as connection:
        resolve_by_key(connection, f"champion_deleted/{version.version}")
        if ledger.find_genuine(connection, KIND, names) is None:
            ledger.append(connection, KIND, {**names, "digest": version.digest, "by": by})
    anchors.append(store)


@contextmanager
def _package(settings: Settings, registry: Registry, version: ModelVersion, rescue: Rescue | None) -> Iterator[Path]:
    """A folder with the verified package. Raises NotFound when neither cache, MLflow's store nor backup has it."""
    with scratch_folder() as scratch:
        for folder in _candidates(settings, registry, version, rescue, scratch):
            try:
                model_package.verify(folder, version.digest)
            except UnsafeArtefact as error:
                log.warning("A package of version %s is not used: %s", version.version, error)
                continue
            yield folder
            return
    where = "the cache, MLflow's store" + (" or the backup" if rescue else "; name a backup that has it: --backup")
    raise NotFound(what=f"package of version {version.version} in", key=where)


def _candidates(
    settings: Settings, registry: Registry, version: ModelVersion, rescue: Rescue | None, scratch: Path
) -> Iterator[Path]:
    cached = settings.home / "cache" / "models" / version.digest
    if cached.is_dir():
        yield cached
    yield from deleted_version.download_logged(registry, version.run_id, scratch / "logged")
    if rescue is not None:
        target = scratch / "backup"
        archive.extract(rescue.backup / manifest.FILES, rescue.identities, {back_up.ARTEFACTS: target})
        for file in sorted(target.rglob(model_package.MANIFEST)):
            if hashlib.sha256(file.read_bytes()).hexdigest() == version.digest:
                yield file.parent
        shutil.rmtree(target)
