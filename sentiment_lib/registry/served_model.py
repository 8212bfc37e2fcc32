"""The code that MLflow runs when someone loads a version through MLflow itself; no pickle is involved.

Our own steps never come this way: they check the digest and read the package directly (registry/models.py).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlflow
import pandas as pd

from sentiment_lib.records import LABELS


class PackagedModel(mlflow.pyfunc.PythonModel):  # type: ignore[misc, name-defined]
    """Column `text` in, one probability column per label out."""

    def load_context(self, context: Any) -> None:
        """Check the package against the digest of its version, then read it."""
        from sentiment_lib.registry import package

        self.model = package.read(Path(context.artifacts["package"]), context.model_config["digest"])

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Probabilities (n, 3), columns p_negative, p_neutral, p_positive."""
        proba = self.model.predict_proba(model_input["text"].fillna("").astype(str).tolist())
        return pd.DataFrame(proba, columns=[f"p_{label}" for label in LABELS])


mlflow.models.set_model(PackagedModel())
