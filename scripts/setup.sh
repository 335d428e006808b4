# Sourced by dev.sh and test.sh: finds a Python, makes .venv, installs what the requirements say.
# Needs nothing but sh and Python 3.11 to 3.13 with venv and pip.

say() { printf '%s\n' "$*"; }
die() { printf '%s\n' "$*" >&2; exit 1; }

# 3.12 and 3.11 first: only for them there is a wheel with a Redis server in it.
find_python() {
    for candidate in "${PYTHON:-}" python3.12 python3.11 python3.13 python3 python; do
        [ -n "$candidate" ] || continue
        # A launcher of that name may exist and still refuse to run.
        if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' \
            >/dev/null 2>&1; then
            printf '%s' "$candidate"
            return 0
        fi
    done
    for candidate in "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.1[123]*/bin/python3; do
        [ -x "$candidate" ] && { printf '%s' "$candidate"; return 0; }
    done
    return 1
}

digest() {
    "$1" -c 'import hashlib, sys
print(hashlib.sha256(b"".join(open(f, "rb").read() for f in sys.argv[1:])).hexdigest())' \
        requirements.txt "$2"
}

# uv installs ten times as fast as pip. Where it cannot be had, or cannot do it, pip does.
install_packages() {
    pip=".venv/bin/python -m pip install --quiet --no-compile --disable-pip-version-check"
    if $pip uv >/dev/null 2>&1; then
        # It reads no settings of pip's: what matters of them is handed on.
        (
            [ -z "${PIP_INDEX_URL:-}" ] || export UV_DEFAULT_INDEX="${UV_DEFAULT_INDEX:-$PIP_INDEX_URL}"
            [ -z "${PIP_CERT:-}" ] || export SSL_CERT_FILE="${SSL_CERT_FILE:-$PIP_CERT}"
            .venv/bin/uv pip install --quiet --python .venv/bin/python -r "$1" >/dev/null 2>&1
        ) && return 0
    fi
    $pip -r "$1"
}

# setup_venv FILE: .venv holds what FILE asks for. Idempotent by the digest of the requirements.
setup_venv() {
    requirements=$1
    if ! .venv/bin/python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' \
        >/dev/null 2>&1; then
        python=$(find_python) || die "FlowForge needs Python 3.11, 3.12 or 3.13, and none was found: install one, or name it with PYTHON=/path/to/python."
        say "Making .venv with $("$python" --version 2>&1) …"
        "$python" -c 'import venv, ensurepip' >/dev/null 2>&1 \
            || die "This Python was built without venv or ensurepip: install them (on Debian: python3-venv), or name another Python with PYTHON=/path/to/python."
        "$python" -m venv --clear .venv || die "Making .venv failed."
    fi
    stamp=.venv/$(basename "$requirements").sha256
    wanted=$(digest .venv/bin/python "$requirements")
    if [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then
        return 0
    fi
    say "Installing the packages of $requirements (the first time this takes about half a minute) …"
    install_packages "$requirements" || die "pip could not install $requirements: is the network there?"
    # Compiled once, on all cores: an environment may forbid Python to do it when it imports.
    .venv/bin/python -m compileall -q -j 0 .venv/lib >/dev/null 2>&1 || true
    printf '%s\n' "$wanted" > "$stamp"
    # The development set contains the other: one install is enough for both.
    [ "$requirements" = requirements.txt ] \
        || digest .venv/bin/python requirements.txt > .venv/requirements.txt.sha256
}
