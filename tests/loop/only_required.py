"""Load a version by MLflow and nothing else: `python only_required.py URI MODEL TEXTS`, away from the project.

Packages that the version does not require, themselves or by what they need, cannot be imported; what MLflow wants for
itself can. Prints probabilities and where the project's code came from, as JSON.
"""

from __future__ import annotations

import json
import re
import sys
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path

from packaging.requirements import Requirement


def closure(names):
    """Those packages and all that they need, by their plain names."""
    seen, left = set(), list(names)
    while left:
        name = plain(left.pop())
        if name in seen:
            continue
        try:
            needed = [Requirement(line) for line in requires(name) or ()]
        except PackageNotFoundError:
            continue
        seen.add(name)
        left += [one.name for one in needed if one.marker is None or one.marker.evaluate({"extra": ""})]
    return seen


def plain(name):
    return re.sub(r"[-_.]+", "-", name).lower()


class Blocked:
    """Refuses modules of packages that are not allowed; the project itself must come from the version."""

    def __init__(self, allowed):
        self.owners, self.allowed = packages_distributions(), allowed

    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        owners = {plain(owner) for owner in self.owners.get(top, ())} - {"airline-sentiment"}
        if owners and not owners & self.allowed:
            raise ModuleNotFoundError(f"{name} belongs to {owners}, which is not required", name=name)


def main(uri, model, texts):
    import mlflow
    import pandas as pd

    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    folder = Path(mlflow.artifacts.download_artifacts(artifact_uri=model))
    lines = (folder / "requirements.txt").read_text().splitlines()
    sys.meta_path.insert(0, Blocked(closure(Requirement(line).name for line in lines)))
    found = mlflow.pyfunc.load_model(str(folder)).predict(pd.DataFrame({"text": json.loads(texts)}))
    ours = {m.__file__ for name, m in sys.modules.items() if name.partition(".")[0] == "sentiment_lib"}
    strange = sorted(path for path in ours if not Path(path).is_relative_to(folder / "code"))
    print(json.dumps({"probabilities": found.to_numpy().tolist(), "elsewhere": strange, "modules": len(ours)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
