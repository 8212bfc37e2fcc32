#!/bin/bash
# Start one Airflow process, or another program of the image.
set -euo pipefail
umask 077
case $1 in
  *.sh | bash | python | sentiment) exec "$@" ;;
  *) exec airflow "$@" ;;
esac
