#!/bin/bash
# Bring both databases to their newest form and make the pools; running it again changes nothing.
set -euo pipefail
PYTHONPATH="$AIRFLOW__CORE__PLUGINS_FOLDER" python -m sentiment_airflow.setup
python - <<'P'
from sentiment_lib.settings import load_settings
from sentiment_lib.storage import migrate

migrate.upgrade(load_settings().database_url.get_secret_value())
P
