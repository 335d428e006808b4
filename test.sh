#!/bin/sh
# Sets up, then runs every check and the whole test suite; ends in pytest's closing line.
#   ./test.sh            everything
#   ./test.sh --fast     leaves the browser and chaos out
#   ./test.sh ARGS…      hands ARGS to pytest, and runs nothing else
# CI=true makes a missing PostgreSQL or browser a failure instead of a smaller run.
set -eu
cd "$(dirname "$0")"
. scripts/setup.sh

fast=""
if [ "${1:-}" = --fast ]; then
    fast=1
    shift
fi

setup_venv requirements-dev.txt
bin=$PWD/.venv/bin
PATH=$bin:$PATH
export PATH

# Where the tests find their servers; each makes databases of its own there and drops them.
if ! "$bin/python" -m scripts.services postgresql; then
    [ "${CI:-}" != true ] || die "No PostgreSQL answers at TEST_POSTGRESQL_URL (default: postgres@127.0.0.1:5432), and CI=true asks for it."
    say "No PostgreSQL answers: its half of the integration tests is left out."
fi
if ! "$bin/python" -m scripts.services redis; then
    say "No Redis answers: starting one for the tests …"
    scratch=$(mktemp -d)
    TEST_REDIS_URL=$("$bin/python" -m scripts.services start-redis "$scratch") \
        || die "The tests need a Redis: install redis-server, or name one with TEST_REDIS_URL."
    export TEST_REDIS_URL
    trap 'kill "$(cat "$scratch/redis.pid")" 2>/dev/null; rm -rf "$scratch"' EXIT
fi

if [ $# -gt 0 ]; then
    code=0
    "$bin/python" -m pytest "$@" || code=$?
    exit "$code"
fi

say "Checks: ruff, mypy, import-linter …"
"$bin/ruff" check .
"$bin/ruff" format --check .
"$bin/mypy" flowforge tests rxconfig.py
"$bin/lint-imports"

if [ -n "$fast" ]; then
    code=0
    "$bin/python" -m pytest -q -n "${TEST_PROCESSES:-2}" --dist loadfile \
        -m "not browser and not chaos" || code=$?
    exit "$code"
fi

find_browser() {
    for candidate in "${TEST_CHROMIUM:-}" chromium chromium-browser google-chrome; do
        [ -n "$candidate" ] && command -v "$candidate" && return 0
    done
    return 1
}
if ! browser=$(find_browser); then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        say "Installing chromium for the browser tests …"
        { apt-get update -qq && apt-get install -y -qq chromium; } >/dev/null 2>&1 </dev/null || true
    fi
    browser=$(find_browser) || browser=""
fi
if [ -n "$browser" ]; then
    TEST_CHROMIUM=$browser
    export TEST_CHROMIUM
elif "$bin/playwright" install chromium >/dev/null 2>&1; then
    say "Playwright has fetched its own chromium."
elif [ "${CI:-}" = true ]; then
    die "No chromium was found, and CI=true asks for it: install it, or name it with TEST_CHROMIUM."
else
    say "No chromium was found: the browser tests are skipped."
fi

# Three runs: the browser's driver keeps an event loop in its process, and chaos needs the machine for
# itself. Each process beside another has databases, or a whole product, of its own. The last one's
# closing line counts all (tests/closing.py).
figures=$(mktemp -d)
code=0
TEST_FIGURES_OUT=$figures/first "$bin/python" -m pytest -q -p tests.closing \
    -n "${TEST_PROCESSES:-2}" --dist loadfile -m "not browser and not chaos" || code=$?
say "Browser …"
TEST_FIGURES_OUT=$figures/second "$bin/python" -m pytest -q -p tests.closing \
    -n "${TEST_PROCESSES:-2}" --dist loadfile -m browser || code=$?
say "Chaos, one at a time …"
TEST_FIGURES_IN="$figures/first $figures/second" "$bin/python" -m pytest -q -p tests.closing \
    -m chaos || code=$?
rm -rf "$figures"
exit "$code"
