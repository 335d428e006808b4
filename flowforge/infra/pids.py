"""Pid files that can be trusted: a number counts only while that process is one of ours."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

PATIENCE_SECONDS = 20.0


def recorded(logs: Path, service: str) -> int | None:
    """The pid in the service's file if that process is alive and ours; else None."""
    try:
        pid = int((logs / f"{service}.pid").read_text())
        os.kill(pid, 0)
    except (OSError, ValueError):
        return None
    return pid if is_ours(pid) else None


def is_ours(pid: int) -> bool:
    """Pids are used again: look at what the process runs, and where. ``stop.sh`` does the same."""
    proc = Path(f"/proc/{pid}")
    if not proc.exists():
        answer = subprocess.run(  # noqa: S603 - a number only
            ["/bin/ps", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=False
        )
        return "flowforge" in answer.stdout or "redis.sock" in answer.stdout
    try:
        arguments = (proc / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        is_here = (proc / "cwd").readlink() == Path.cwd()
    except OSError:
        return False
    # Redis moves into its own directory; its title tells the socket instead.
    return "redis.sock" in arguments or (is_here and "flowforge" in arguments)


def end_orphans(logs: Path, say: Callable[[str], None]) -> None:
    """End what a killed supervisor has left behind. Only for who knows that none is running."""
    # Redis last: the others hand their work back through it.
    for path in sorted(logs.glob("*.pid"), key=lambda path: path.stem == "redis"):
        pid = recorded(logs, path.stem)
        if pid == os.getpid():
            continue
        if pid is not None:
            say(f"Ending {path.stem} (pid {pid}), left over from a start that was killed.")
            _end(logs, path.stem, pid)
        path.unlink(missing_ok=True)


def _end(logs: Path, service: str, pid: int) -> None:
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while recorded(logs, service) is not None and time.monotonic() < deadline:
        time.sleep(0.1)
    if recorded(logs, service) is not None:
        os.kill(pid, signal.SIGKILL)
