"""PyPI packages of a model: requirements for prediction, and packages whose versions are recorded."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version

from sentiment_lib.families.base import Model
from sentiment_lib.families.catalog import CATALOG

#: Packages that every family needs for prediction.
COMMON = ("numpy", "pandas", "platformdirs")


def requirements(model: Model) -> list[str]:
    """Lines of a requirements.txt for prediction, with the versions installed here.

    The project itself is not among them: its code is stored with the model (bundled_code.py).
    """
    # drop local version labels such as "+cpu": package indexes do not have those builds
    return [f"{name}=={installed.partition('+')[0]}" for name, installed in versions(_required(model)).items()]


def tracked_packages() -> list[str]:
    """Packages whose version can affect the training or the predictions of any family, sorted."""
    own = {name for family in CATALOG.values() for name in (*family.requirements, *family.training_requirements)}
    return sorted({*COMMON, *own})


def versions(names: Iterable[str]) -> dict[str, str]:
    """Installed versions by name, in the order of `names`; packages that are not installed are left out."""
    installed = {}
    for name in names:
        try:
            installed[name] = version(name)
        except PackageNotFoundError:
            continue
    return installed


def _required(model: Model) -> list[str]:
    families = (model.family, *getattr(model, "notes", {}).get("members", ()))
    own = {package for name in families if name in CATALOG for package in CATALOG[name].requirements}
    return sorted({*COMMON, *own})
