#!/bin/bash
# Create MLflow's accounts; the platform's owns the experiment and the registered model. Idempotent.
set -euo pipefail
python - <<'P'
import os

from sentiment_lib.registry import mlflow_accounts
from sentiment_lib.settings import load_settings

settings = load_settings()
mlflow_accounts.create(
    settings.mlflow_uri,
    administrator=("admin", os.environ["MLFLOW_ADMIN_PASSWORD"]),
    platform=("sentiment", os.environ["MLFLOW_PLATFORM_PASSWORD"]),
    readers={"reader": os.environ["MLFLOW_READER_PASSWORD"]},
    model=settings.mlflow_model,
)
P
