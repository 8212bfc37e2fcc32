#!/bin/bash
# Three databases, each with an owner that cannot connect to the others. Runs once, on an empty volume.
set -euo pipefail
for name in airflow mlflow sentiment; do
  secret="${name^^}_DATABASE_PASSWORD"
  psql -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d postgres -v name="$name" -v secret="${!secret}" <<'S'
CREATE ROLE :"name" LOGIN PASSWORD :'secret';
CREATE DATABASE :"name" OWNER :"name";
REVOKE CONNECT ON DATABASE :"name" FROM PUBLIC;
S
done
