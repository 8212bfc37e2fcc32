#!/usr/bin/env bash
# The container stack for real: build, start, turn the loop once, approve over REST, take it down. Fails, never skips.
# FAMILIES names what is trained, a JSON list; TRAIN_EXTRAS and SERVE_EXTRAS what the images hold for it.
# A running engine is used; else the one of SENTIMENT_STAND (as root) is started in a folder of its own.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
stand=${SENTIMENT_STAND:-../shared/containers/stand}
python=${PYTHON:-.venv/bin/python}
scratch=$(mktemp -d /tmp/sentiment-containers.XXXXXX)
files=(-f docker-compose.yaml)
started_stand=0 started_stack=0
say() { printf '[containers %4ss] %s\n' "$SECONDS" "$*"; }
compose() { docker compose -p "sentiment-test-$$" --env-file "$scratch/env" "${files[@]}" "$@"; }

finish() {
  local code=$?
  trap - EXIT
  if ((started_stack)); then
    ((code == 0)) || { compose ps --all; compose logs --no-color --tail 60; } || true
    compose --progress quiet down --volumes --timeout 20 || true
  fi
  ((started_stand == 0)) || "$stand" down "$scratch/stand" || true
  rm -rf "$scratch"
  say "ended with $code"
  exit "$code"
}
trap finish EXIT

if ! docker info >/dev/null 2>&1; then
  if [[ ! -x $stand ]]; then
    echo "No container engine is running, and there is no stand-in at $stand (SENTIMENT_STAND): this test cannot be done" >&2
    exit 1
  fi
  started_stand=1
  "$stand" up "$scratch/stand"
  # shellcheck disable=SC1091
  source "$scratch/stand/env"
  files+=(-f docker-compose.ci.yaml)
fi

docker/secrets.sh "$scratch/env"
# one retrain, the one that is asked for here: another one's question would take this one's away
printf 'SENTIMENT_POLICY__RETRAIN__%s\n' NEW_LABELS=1000000 COOL_DOWN=P10D \
  "FAMILIES=${FAMILIES:-[\"tfidf_logreg\", \"fasttext\"]}" >"$scratch/policy.env"
export POLICY_FILE="$scratch/policy.env"
AIRFLOW_PORT=$("$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
API_PORT=$("$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export AIRFLOW_PORT API_PORT
say "build"
compose --progress quiet build
say "up"
started_stack=1
compose --progress quiet up -d --no-build --pull never --wait --wait-timeout 300
say "healthy; the loop"
PYTHONPATH=. "$python" tests/stack/compose_loop.py "$scratch/env" "http://127.0.0.1:$AIRFLOW_PORT" "http://127.0.0.1:$API_PORT" \
  "docker compose -p sentiment-test-$$ --env-file $scratch/env ${files[*]}"
say "the loop turned"
