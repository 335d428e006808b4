"""Process trees: started, measured (CPU, memory), stopped."""

import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
MIB = 2**20


@contextmanager
def started(
    command: Sequence[str], env: Mapping[str, str], log: Path, ready_url: str | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A process in a group of its own, ended with all its children."""
    with log.open("ab") as out:
        process = _popen(command, env, out)
    try:
        if ready_url is not None:
            wait_for(ready_url, process, log)
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


def _popen(
    command: Sequence[str], env: Mapping[str, str], out: IO[bytes]
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command, env={**os.environ, **env}, stdout=out, stderr=out, start_new_session=True
    )


def wait_for(url: str, process: subprocess.Popen[bytes], log: Path, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process.poll() is not None:
            raise SystemExit(f"{process.args!r} ended early, see {log}")
        with suppress(OSError), urllib.request.urlopen(url, timeout=2) as answer:
            if answer.status == 200:
                return
        time.sleep(0.1)
    raise SystemExit(f"{url} did not answer within {seconds} s, see {log}")


def tree(roots: Sequence[int]) -> set[int]:
    """The processes ``roots`` and all below them."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        entry = folder.name
        if entry.isdigit():
            with suppress(OSError):
                stat = (folder / "stat").read_text()
                parent = int(stat[stat.rindex(")") + 2 :].split()[1])
                children.setdefault(parent, []).append(int(entry))
    found: set[int] = set()
    todo = list(roots)
    while todo:
        process = todo.pop()
        if process not in found:
            found.add(process)
            todo += children.get(process, [])
    return found


def cpu_seconds(roots: Sequence[int]) -> float:
    total = 0.0
    for process in tree(roots):
        with suppress(OSError):
            stat = Path(f"/proc/{process}/stat").read_text()
            fields = stat[stat.rindex(")") + 2 :].split()
            total += (int(fields[11]) + int(fields[12])) / TICK
    return total


def memory_mib(roots: Sequence[int]) -> tuple[float, float]:
    """Resident and proportional set size of the trees."""
    rss = pss = 0.0
    for process in tree(roots):
        with suppress(OSError):
            stat = Path(f"/proc/{process}/stat").read_text()
            rss += int(stat[stat.rindex(")") + 2 :].split()[21]) * PAGE / MIB
            for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    pss += int(line.split()[1]) / 1024
    return rss, pss


def quiesce(roots: Sequence[int], seconds: float = 30) -> None:
    """Wait until the trees use less than 8 % of a core."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        before = cpu_seconds(roots)
        time.sleep(0.7)
        if cpu_seconds(roots) - before < 0.056:
            return
