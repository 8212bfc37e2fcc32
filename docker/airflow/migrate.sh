#!/bin/bash
# Migrate both databases, record the policy, set the pools, and Airflow's roles and accounts; idempotent.
set -euo pipefail
# the private keys of an earlier release are in a volume that every service of Airflow mounts
if compgen -G "$SENTIMENT_HOME/secrets/signing/*.pem" >/dev/null; then
  cp "$SENTIMENT_PUBLIC_KEYS" "$SENTIMENT_SIGNING_KEYS/"
  mv -f "$SENTIMENT_HOME"/secrets/signing/*.pem "$SENTIMENT_SIGNING_KEYS/"
fi
python -m sentiment_airflow.setup /app/roles.json
python - <<'P'
from sentiment_lib.settings import load_settings
from sentiment_lib.storage import migrate

settings = load_settings()
migrate.upgrade(settings.database_url.get_secret_value(), settings=settings)
P
