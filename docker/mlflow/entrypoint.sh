#!/bin/bash
# The database URL, with its password, comes by the environment: an argument would show in the list of processes.
set -euo pipefail
exec mlflow server --host 0.0.0.0 --port 5000 --workers 1 --serve-artifacts \
  --artifacts-destination /var/lib/mlflow --allowed-hosts "mlflow:5000,localhost:5000,127.0.0.1:5000"
