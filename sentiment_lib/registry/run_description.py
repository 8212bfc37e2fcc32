"""How a training appears in MLflow: name, description, user, source, data sets, and the options it used."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from sentiment_lib.records import Snapshot
    from sentiment_lib.registry.mlflow_registry import Registry
    from sentiment_lib.training_record import TrainingSpec

#: Maximum length of a data set's digest in MLflow's database.
DIGEST = 36
#: Maximum length of a parameter in MLflow's database.
PARAMETER = 6000
CONTEXTS = {"train": "training", "holdout": "evaluation"}


def run_name(spec: TrainingSpec, snapshot: Snapshot | None, training_key: str) -> str:
    """`tfidf_logreg on snapshot 3 (1a2b3c)`: no two trainings have the same."""
    data = f"on snapshot {snapshot.snapshot_id}" if snapshot else "without training"
    return f"{spec.family} {data} ({training_key[:6]})"


def tags(spec: TrainingSpec, snapshot: Snapshot | None, *, requested_by: str, revision: str) -> dict[str, str]:
    """MLflow's own tags: user, source, commit, and a description in Markdown.

    requested_by: "dag_id/run_id/family", or person and time of a command.
    """
    rows = (
        f"{snapshot.train_rows:,} training rows of snapshot {snapshot.snapshot_id}" if snapshot else "no training rows"
    )
    holdout = f" Its {snapshot.holdout_rows:,} holdout rows are for the gate." if snapshot else ""
    return {
        "mlflow.user": requested_by.partition("/")[0],
        "mlflow.source.name": "airline-sentiment",
        "mlflow.source.type": "JOB",
        "mlflow.source.git.commit": revision.removesuffix("+"),
        "mlflow.note.content": f"Training of `{spec.family}` on {rows}, requested by `{requested_by}`.{holdout}",
        "requested_by": requested_by,
    }


def log_datasets(registry: Registry, run_id: str, snapshot: Snapshot, frame: pd.DataFrame) -> None:
    """Log the parts of a snapshot as data sets of the run: schema, row count and digest, no rows."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    columns = [{"name": name, "type": "string", "required": True} for name in ("text", "label") if name in frame]
    inputs = [
        DatasetInput(
            Dataset(
                name=f"snapshot {snapshot.snapshot_id}, {part}",
                digest=snapshot.content_hash[:DIGEST],
                source_type="local",
                source=json.dumps({"uri": snapshot.uri}),
                schema=json.dumps({"mlflow_colspec": columns}),
                profile=json.dumps({"num_rows": int((frame["part"] == part).sum())}),
            ),
            [InputTag("mlflow.data.context", context)],
        )
        for part, context in CONTEXTS.items()
    ]
    registry.client.log_inputs(run_id, inputs)


def log_options(registry: Registry, run_id: str, used: Mapping[str, Any], chosen: Mapping[str, Any]) -> None:
    """Log each option with the value that the training used, its default too; `chosen`: values the family chose."""
    for name, value in used.items():
        shown = chosen.get(name, "chosen by the family") if value is None else value
        registry.client.log_param(run_id, f"option.{name}", str(shown)[:PARAMETER])
