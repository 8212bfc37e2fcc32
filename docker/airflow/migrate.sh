#!/bin/bash
# Migrate both databases and set the pools; idempotent.
set -euo pipefail
PYTHONPATH="$AIRFLOW__CORE__PLUGINS_FOLDER" python -m sentiment_airflow.setup
python - <<'P'
from sentiment_lib.settings import load_settings
from sentiment_lib.storage import migrate

migrate.upgrade(load_settings().database_url.get_secret_value())
P
