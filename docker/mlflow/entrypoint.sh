#!/bin/bash
# Start MLflow with its login. The database URLs hold passwords, so they come from the environment: arguments are visible
# in the process list. MLflow reads the login's settings from a file, here on a tmpfs.
set -euo pipefail
umask 077
export MLFLOW_AUTH_CONFIG_PATH=/tmp/auth.ini
cat >"$MLFLOW_AUTH_CONFIG_PATH" <<I
[mlflow]
default_permission = READ
database_uri = $MLFLOW_AUTH_DATABASE_URI
admin_username = admin
authorization_function = mlflow_authorization:authorize
# without the cache every request hashes its password again, which takes up to a second
auth_cache_ttl_seconds = 60

[platform]
# accounts that may write; every other one only reads
writers = admin sentiment
I
# the worker, of the same group, reads the artefacts for backups
umask 027
exec mlflow server --host 0.0.0.0 --port 5000 --workers 1 --app-name basic-auth --serve-artifacts \
  --artifacts-destination /var/lib/mlflow --allowed-hosts "mlflow:5000,localhost:5000,127.0.0.1:5000"
