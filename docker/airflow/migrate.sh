#!/bin/bash
# Bring both databases to their newest form; running it again changes nothing.
set -euo pipefail
airflow db migrate
python - <<'P'
from sentiment_lib.settings import load_settings
from sentiment_lib.storage import migrate

migrate.upgrade(load_settings().database_url.get_secret_value())
P
