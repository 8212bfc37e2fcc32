#!/bin/bash
# The database URL holds a password, so it comes from the environment: arguments are visible in the process list.
set -euo pipefail
exec mlflow server --host 0.0.0.0 --port 5000 --workers 1 --serve-artifacts \
  --artifacts-destination /var/lib/mlflow --allowed-hosts "mlflow:5000,localhost:5000,127.0.0.1:5000"
