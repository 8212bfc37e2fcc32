#!/bin/bash
# Start one Airflow process. User passwords are written to the file that Airflow reads, on a tmpfs.
set -euo pipefail
if [[ $1 == api-server ]]; then
  umask 077
  python - "$AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE" <<'P'
import json, os, sys
from pathlib import Path

names = [user.partition(":")[0] for user in os.environ["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS"].split(",")]
# Airflow would generate a missing password and log it: fail instead
Path(sys.argv[1]).write_text(json.dumps({name: os.environ[f"{name.upper()}_PASSWORD"] for name in names}) + "\n")
P
fi
case $1 in
  migrate.sh | bash | python | sentiment) exec "$@" ;;
  *) exec airflow "$@" ;;
esac
