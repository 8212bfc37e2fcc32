"""The minimal server of a model: FastAPI and the model in memory; no keys, limits, log or storage."""

from __future__ import annotations

import os
from pathlib import Path

from fastapi import FastAPI
from pydantic import BaseModel

from sentiment_lib.records import LABELS
from sentiment_lib.registry import model_package

app = FastAPI()
_folder = Path(os.environ["BARE_PACKAGE"])
_model = model_package.read(_folder, _folder.name)


class Texts(BaseModel):
    """What our API takes too."""

    texts: list[str]


@app.post("/v1/predict")
def predict(body: Texts) -> list[dict[str, float | str]]:
    """Label and probabilities of each text."""
    return [
        {"label": str(LABELS[int(row.argmax())]), **dict(zip(map(str, LABELS), row.tolist(), strict=True))}
        for row in _model.predict_proba(body.texts)
    ]
