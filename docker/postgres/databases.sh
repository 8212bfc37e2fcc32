#!/bin/bash
# Four databases, each with an owner that cannot connect to the others, and the roles by duty of the platform's database.
# Runs on an empty volume; idempotent, so that it can be run again for a volume of an earlier release:
#   docker compose exec postgres /docker-entrypoint-initdb.d/databases.sh
set -euo pipefail
create_role() {
  local secret="${1^^}_DATABASE_PASSWORD"
  psql -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d postgres -v name="$1" -v secret="${!secret}" <<'S'
SELECT format('CREATE ROLE %I LOGIN PASSWORD %L', :'name', :'secret')
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'name') \gexec
S
}
for name in airflow mlflow mlflow_auth sentiment; do
  create_role "$name"
  psql -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d postgres -v name="$name" <<'S'
SELECT format('CREATE DATABASE %I OWNER %I', :'name', :'name')
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'name') \gexec
REVOKE CONNECT ON DATABASE :"name" FROM PUBLIC;
S
done
# reads every database, and writes nothing
create_role sentiment_backup
psql -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d postgres -c 'GRANT pg_read_all_data TO sentiment_backup'
for name in airflow mlflow mlflow_auth sentiment; do
  psql -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d postgres -c "GRANT CONNECT ON DATABASE $name TO sentiment_backup"
done
# nothing else bounds how many large objects a role makes
for function in 'lo_creat(integer)' 'lo_create(oid)' 'lo_from_bytea(oid, bytea)'; do
  for name in airflow mlflow mlflow_auth sentiment; do
    psql -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d "$name" -c "REVOKE EXECUTE ON FUNCTION pg_catalog.$function FROM PUBLIC"
  done
done
# the migrations give them their rights
for name in sentiment_app sentiment_api sentiment_console; do
  create_role "$name"
done
# sessions that set no limits themselves, such as psql
for name in sentiment_api sentiment_console; do
  for limit in statement_timeout=30s lock_timeout=5s idle_in_transaction_session_timeout=60s; do
    psql -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d postgres -c "ALTER ROLE $name SET ${limit%=*} = '${limit#*=}'"
  done
done
