"""PyPI packages behind a model: those that it needs to predict, and those whose versions are recorded."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version

from sentiment_lib.families.base import Model
from sentiment_lib.families.catalog import CATALOG

#: What every family needs to predict.
COMMON = ("numpy", "pandas", "platformdirs")


def requirements(model: Model) -> list[str]:
    """Lines of a requirements.txt for prediction, with the versions installed here.

    The project itself is not among them: its code is stored with the model (bundled_code.py).
    """
    # "+cpu" and the like name a build that no package index has
    return [f"{name}=={installed.partition('+')[0]}" for name, installed in versions(_required(model)).items()]


def tracked_packages() -> list[str]:
    """Packages whose version can change what a training of any family gives or its models predict, sorted."""
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
