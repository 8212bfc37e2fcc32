"""Model package: a model's files with a manifest of their SHA-256 digests, verified before anything is loaded.

The digest of a package is the SHA-256 of its manifest, so one string identifies every byte.
"""

from __future__ import annotations

import hashlib
import json
import stat
from pathlib import Path, PurePosixPath
from typing import Any

from sentiment_lib.errors import UnsafeArtefact
from sentiment_lib.families import catalog
from sentiment_lib.families.base import Model
from sentiment_lib.families.weights import pinned as weights
from sentiment_lib.hashing import hash_file
from sentiment_lib.records import LABELS
from sentiment_lib.registry.older_normaliser import with_normaliser
from sentiment_lib.registry.requirements import tracked_packages, versions
from sentiment_lib.text.normalise import VERSIONS, active_version

MANIFEST = "manifest.json"
FORMAT = 1
MAXIMUM_FILE = 4 << 30
MAXIMUM_MANIFEST = 1 << 20
#: Allowed file types; none of them can contain executable code.
SUFFIXES = frozenset({".json", ".npz", ".npy", ".onnx", ".data", ".safetensors", ".txt", ".bin", ".vec"})
#: Versions of the normaliser that this code supports.
NORMALISERS = frozenset(VERSIONS)
PROJECT = "airline-sentiment"
_PICKLE_STARTS = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")


def write(model: Model, folder: Path) -> str:
    """Save the model into a new folder with its manifest; returns the digest.

    Pinned weights outside the package are covered by the digest: the manifest lists their SHA-256.
    """
    folder.mkdir(parents=True)
    model.save(folder)
    outside = weights.external_weights(model)
    manifest = {
        "format": FORMAT,
        "family": model.family,
        "normaliser": normaliser_of(model),
        "labels": [str(label) for label in LABELS],
        "libraries": versions((*tracked_packages(), PROJECT)),
        **({"weights": outside} if outside else {}),
        "files": {
            path.relative_to(folder).as_posix(): {"sha256": hash_file(path), "bytes": path.stat().st_size}
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        },
    }
    data = json.dumps(manifest, sort_keys=True, indent=1).encode()
    (folder / MANIFEST).write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def normaliser_of(model: Model) -> str:
    """Version of the normaliser that the model was trained with, or is being trained with."""
    version: str = getattr(model, "normaliser", active_version())
    return version


def verify(folder: Path, digest: str) -> dict[str, Any]:
    """Return the manifest. Raises UnsafeArtefact when the manifest or a file does not match the digest."""
    manifest = _manifest(folder, digest)
    if manifest.get("format") != FORMAT or manifest.get("labels") != [str(label) for label in LABELS]:
        raise UnsafeArtefact(artefact=folder.name, problem="its manifest has another format or other labels")
    files: dict[str, dict[str, Any]] = manifest["files"]
    for name in files:
        relative = PurePosixPath(name)
        if relative.is_absolute() or ".." in relative.parts or "\\" in name:
            raise UnsafeArtefact(artefact=folder.name, problem=f"the file name {name!r} leads out of it")
        if relative.suffix not in SUFFIXES:
            raise UnsafeArtefact(artefact=folder.name, problem=f"{name} is of a kind that no model consists of")
    paths = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if not _is_plain_folder(path)}
    if extra := sorted(set(paths) - set(files) - {MANIFEST}):
        raise UnsafeArtefact(artefact=folder.name, problem=f"{extra[0]} is not in its manifest")
    for name, expected in files.items():
        if name not in paths:
            raise UnsafeArtefact(artefact=folder.name, problem=f"{name} is missing")
        _check_file(folder, paths[name], name, expected)
    return manifest


def check(folder: Path, digest: str) -> dict[str, Any]:
    """Verify the package and its compatibility with this code; returns the manifest.

    Raises UnsafeArtefact as `verify` does, and when this code lacks the model's normaliser or pins other weights.
    """
    manifest = verify(folder, digest)
    if (version := manifest["normaliser"]) not in NORMALISERS:
        problem = (
            f"its texts are normalised by version {version}, and here is version {', '.join(sorted(NORMALISERS))}: "
            f"train it again, or install the {_release(manifest)} that wrote it"
        )
        raise UnsafeArtefact(artefact=folder.name, problem=problem)
    # the manifest lists weights only when there are any
    for name, files in manifest.get("weights", {}).items():
        pinned = weights.PINNED[name].files if name in weights.PINNED else {}
        for file, digest_then in files.items():
            if pinned.get(file) != digest_then:
                problem = (
                    f"it needs {file} of the weights {name} with SHA-256 {digest_then[:12]}…, and here "
                    f"{pinned.get(file, 'none')[:12]}… is pinned: train it again, or install the {_release(manifest)} "
                    "that wrote it"
                )
                raise UnsafeArtefact(artefact=folder.name, problem=problem)
    return manifest


def read(folder: Path, digest: str) -> Model:
    """Load the model with the normaliser that it was trained with. Raises UnsafeArtefact as `check` does."""
    manifest = check(folder, digest)
    return with_normaliser(catalog.load(folder, manifest["family"]), manifest["normaliser"])


def _release(manifest: dict[str, Any]) -> str:
    version = manifest.get("libraries", {}).get(PROJECT)
    return f"{PROJECT} {version}" if version else f"release of {PROJECT}"


def _manifest(folder: Path, digest: str) -> dict[str, Any]:
    path = folder / MANIFEST
    if path.is_symlink() or not path.is_file():
        raise UnsafeArtefact(artefact=folder.name, problem=f"it has no {MANIFEST}")
    if path.stat().st_size > MAXIMUM_MANIFEST:
        raise UnsafeArtefact(artefact=folder.name, problem=f"its {MANIFEST} is too large")
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != digest:
        raise UnsafeArtefact(artefact=folder.name, problem=f"its {MANIFEST} is not the one that was approved")
    manifest: dict[str, Any] = json.loads(data)
    return manifest


def _check_file(folder: Path, path: Path, name: str, expected: dict[str, Any]) -> None:
    status = path.lstat()
    if not stat.S_ISREG(status.st_mode) or not path.resolve().is_relative_to(folder.resolve()):
        raise UnsafeArtefact(artefact=folder.name, problem=f"{name} is not a plain file")
    if status.st_size != expected["bytes"] or status.st_size > MAXIMUM_FILE:
        raise UnsafeArtefact(artefact=folder.name, problem=f"{name} has {status.st_size} bytes, not as promised")
    with path.open("rb") as file:
        if file.read(2) in _PICKLE_STARTS:
            raise UnsafeArtefact(artefact=folder.name, problem=f"{name} is a pickle")
    if hash_file(path) != expected["sha256"]:
        raise UnsafeArtefact(artefact=folder.name, problem=f"{name} was changed")


def _is_plain_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()
