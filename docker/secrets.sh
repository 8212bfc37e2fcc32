#!/bin/bash
# Write .env beside docker-compose.yaml with fresh secrets, readable by its owner only; an existing one is kept.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
target=${1:-.env}
[[ -e $target ]] && { echo "$target exists and is kept" >&2; exit 1; }
umask 077
python3 - .env.example >"$target" <<'P'
import base64, secrets, sys

for line in open(sys.argv[1]):
    name, sign, value = line.rstrip("\n").partition("=")
    if sign and not line.startswith("#") and not value:
        # Fernet wants 32 bytes in URL-safe base64; the others go into URLs, so hexadecimal
        value = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode() if "FERNET" in name else secrets.token_hex(32)
    print(name + sign + value)
P
