#!/bin/sh
# Sets up and starts everything on embedded defaults, waits until it answers, prints where.
#   ./dev.sh                returns when it is ready; logs/ has a log and a pid per service
#   ./dev.sh --foreground   stays until Ctrl-C
# Running it twice is harmless; ./stop.sh ends it.
set -eu
cd "$(dirname "$0")"
. scripts/setup.sh

case "${1:-}" in
    "" | --foreground) ;;
    *) die "usage: ./dev.sh [--foreground]" ;;
esac
[ $# -le 1 ] || die "usage: ./dev.sh [--foreground]"

# PORT is what people try first; the setting itself wins.
if [ -n "${PORT:-}" ] && [ -z "${FLOWFORGE_PORT:-}" ]; then
    FLOWFORGE_PORT=$PORT
    export FLOWFORGE_PORT
fi

setup_venv requirements.txt
# By its full name: ./stop.sh knows by it that a process is ours.
exec "$PWD/.venv/bin/python" -m flowforge up "$@"
