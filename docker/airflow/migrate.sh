#!/bin/bash
# Migrate both databases, set the pools, and Airflow's roles and accounts; idempotent.
set -euo pipefail
python -m sentiment_airflow.setup /app/roles.json
python - <<'P'
from sentiment_lib.settings import load_settings
from sentiment_lib.storage import migrate

migrate.upgrade(load_settings().database_url.get_secret_value())
P
