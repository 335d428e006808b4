"""Workers that start in milliseconds: a process that has imported everything, and forks.

A worker's imports are a second and a half of processor time, and chaos starts hundreds. The child
is a real process with a session of its own, which runs what ``python -m flowforge worker`` runs.

    stdin   {"name": …, "log": …, "folder": …, "env": {…}}      one line each
    stdout  {"name": …, "pid": …} when it is born, {"pid": …, "code": …} when it has ended
"""

import gc
import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.chaos.processes import ROOT, Child, python

POLL_SECONDS = 0.01


class Nursery:
    """The side of the tests."""

    def __init__(self) -> None:
        self._popen = subprocess.Popen(
            python("-m", "tests.chaos.nursery"),
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
            start_new_session=True,
        )
        self._codes: dict[int, int] = {}
        self._pids: dict[str, int] = {}
        self._news = threading.Condition()
        threading.Thread(target=self._listen, daemon=True).start()

    def worker(self, name: str, folder: Path, env: Mapping[str, str]) -> Child:
        child = Born(self, name, folder)
        order = {"name": name, "log": str(child.log), "folder": str(folder), "env": {**env}}
        assert self._popen.stdin is not None
        self._popen.stdin.write(json.dumps(order) + "\n")
        with self._news:
            assert self._news.wait_for(lambda: name in self._pids, 30), "no worker was born"
            child.pid = self._pids.pop(name)
        return child

    def code(self, pid: int) -> int | None:
        return self._codes.get(pid)

    def wait(self, pid: int, seconds: float) -> None:
        with self._news:
            assert self._news.wait_for(lambda: pid in self._codes, seconds), f"{pid} lives on"

    def close(self) -> None:
        assert self._popen.stdin is not None
        self._popen.stdin.close()
        self._popen.wait(10)
        assert self._popen.stdout is not None
        self._popen.stdout.close()

    def _listen(self) -> None:
        assert self._popen.stdout is not None
        with suppress(ValueError):  # closed
            for line in self._popen.stdout:
                news: dict[str, Any] = json.loads(line)
                with self._news:
                    if "code" in news:
                        self._codes[news["pid"]] = news["code"]
                    else:
                        self._pids[news["name"]] = news["pid"]
                    self._news.notify_all()


class Born(Child):
    """A worker of the nursery."""

    def __init__(self, nursery: Nursery, name: str, folder: Path) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self.log.touch()
        self.pid = 0
        self._nursery = nursery

    @property
    def exit_code(self) -> int | None:
        return self._nursery.code(self.pid)

    def kill(self) -> None:
        if self.exit_code is None:
            self.signal(signal.SIGKILL)
            self._nursery.wait(self.pid, 10)

    def close(self) -> None:
        self.kill()


def main() -> None:
    """The side that forks. It ends, with all its children, when nobody can speak to it."""
    from flowforge.jobs import worker  # noqa: PLC0415 - the tests' side needs none of it

    # Children share these pages; a collection would touch, and so copy, them all.
    gc.collect()
    gc.freeze()
    living: set[int] = set()
    # Raw: what a buffer holds, select does not see.
    orders = os.fdopen(0, "rb", buffering=0, closefd=False)
    while True:
        readable, _, _ = select.select([orders], [], [], POLL_SECONDS)
        if readable:
            line = orders.readline()
            if not line:
                break
            order = json.loads(line)
            pid = os.fork()
            if pid == 0:
                _become(order, worker.main)
            living.add(pid)
            _say(name=order["name"], pid=pid)
        _bury(living)
    for pid in living:
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)


def _become(order: dict[str, Any], work: Any) -> None:
    code = 1
    try:
        os.setsid()
        os.chdir(order["folder"])
        log = os.open(order["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((nothing, 0), (log, 1), (log, 2)):
            os.dup2(source, target)
        os.environ.clear()
        os.environ.update(order["env"])
        work()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
        if isinstance(end.code, str):
            sys.stderr.write(f"{end.code}\n")
    except BaseException:  # noqa: BLE001 - whatever it was, this must not go on as the nursery
        import traceback  # noqa: PLC0415 - as seldom as it is needed

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _bury(living: set[int]) -> None:
    for pid in list(living):
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            living.discard(pid)
            _say(pid=pid, code=os.waitstatus_to_exitcode(status))


def _say(**news: Any) -> None:
    sys.stdout.write(json.dumps(news) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
