#!/usr/bin/env bash
# setup.sh PYTHON EXTRAS: .venv with all dependencies. It takes minutes: each stage and large download is a line, and so
# is every further quarter of a minute. The names of all packages are not.
set -euo pipefail
python=$1 extras=$2
say() { printf '[%3d s] %s\n' "$SECONDS" "$*"; }

say "1 of 3: an environment in .venv, for $("$python" --version)"
"$python" -m venv .venv
.venv/bin/python -m pip install --quiet --require-hashes -r bootstrap.txt

say "2 of 3: download and install the packages (3.5 GB), 3 to 10 minutes, once"
# its sleep holds no pipe of ours open when we have ended
(while sleep "${HEARTBEAT:-15}" >/dev/null 2>&1; do say "       still installing"; done) &
heartbeat=$!
trap 'kill "$heartbeat" 2>/dev/null || true' EXIT
.venv/bin/uv pip install --python .venv/bin/python --compile-bytecode -c constraints.txt -b constraints.txt \
  -e ".[$extras]" 2>&1 |
  sed -u -E '/^ [+~-] /d; /^ *Download(ing|ed) /{/\(([0-9]{3,}(\.[0-9]+)? ?MiB|[0-9.]+ ?GiB)\)/!d}'

say "3 of 3: installed"
