"""From "start" to "it is there": the port is free, the supervisor runs, the page answers.

Promise: starting twice is harmless, and a start that fails says why instead of waiting.
"""

import asyncio
import errno
import http.client
import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from flowforge.config import PREFIX, Settings
from flowforge.infra import companions, frontend, pids, telemetry

START_SECONDS = 600
TALK_EVERY_SECONDS = 10.0
# The supervisor restarts a crashing web process for ever; the person who waits gives up here.
MOST_CRASHES = 3


def refuse_busy_port(settings: Settings) -> None:
    """Raises: SystemExit with one sentence; never a silent other port."""
    if is_port_busy(settings):
        raise SystemExit(
            f"Port {settings.port} is in use by another program: stop it, "
            f"or set {PREFIX}PORT to a free port."
        )


def is_port_busy(settings: Settings) -> bool:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # A port whose last connections are still fading away is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as problem:
            if problem.errno == errno.EADDRINUSE:
                return True
            raise SystemExit(
                f"Cannot listen on {settings.host}:{settings.port} ({problem.strerror}): "
                f"check {PREFIX}HOST and {PREFIX}PORT."
            ) from None
    return False


def is_running() -> bool:
    """True where a supervisor of this checkout runs."""
    return pids.recorded(companions.LOGS, "up") is not None


def attached(settings: Settings, *, beside: bool) -> int:
    """Run the supervisor in this process. Returns the exit code."""
    if not beside:
        refuse_busy_port(settings)
    telemetry.configure_logging(settings, "up")
    try:
        asyncio.run(_supervise(settings, beside=beside))
    except (companions.AlreadyRunning, companions.CannotStart) as problem:
        print(problem, file=sys.stderr)  # noqa: T201 - a command speaks by printing
        return 1
    return 0


def detached(settings: Settings) -> int:
    """Start the supervisor in the background and wait until the product answers."""
    if is_running() and is_ready(settings):
        _say("FlowForge is running already.")
        _say_addresses(settings)
        return 0
    if not is_running():
        # Children whose supervisor was killed would hold the port and the socket.
        pids.end_orphans(companions.LOGS, _say)
    refuse_busy_port(settings)
    companions.LOGS.mkdir(exist_ok=True)
    with (companions.LOGS / "up.log").open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "flowforge", "up", "--foreground"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return _wait(settings, process)


async def _supervise(settings: Settings, *, beside: bool) -> None:
    until = asyncio.Event()
    companions.stop_on_signals(until)
    pid_file = companions.LOGS / "up.pid"
    companions.LOGS.mkdir(exist_ok=True)
    watching = asyncio.create_task(companions.parent_is_gone(until)) if beside else None
    on_started = companions.Announcer() if beside else _nothing
    if not beside:
        pid_file.write_text(f"{os.getpid()}\n")
    try:
        await companions.run(settings, with_web=not beside, on_started=on_started, until=until)
    finally:
        if watching is not None:
            watching.cancel()
        else:
            pid_file.unlink(missing_ok=True)


def _nothing(_: str) -> None:
    pass


def _wait(settings: Settings, process: "subprocess.Popen[bytes]") -> int:
    started = talked = time.monotonic()
    seen: set[int | None] = set()
    building = not frontend.is_built(Path.cwd())
    _say("Starting Redis, migrations, web and worker …")
    if building:
        _say("Building the pages: only the first time and after a change, about half a minute …")
    while time.monotonic() - started < START_SECONDS:
        if is_ready(settings):
            _say(f"Ready after {time.monotonic() - started:.0f} s.")
            _say_addresses(settings)
            return 0
        if process.poll() is not None:
            return _failed("The start failed", "up")
        seen.add(pids.recorded(companions.LOGS, "web"))
        if len(seen - {None}) > MOST_CRASHES:
            process.terminate()
            process.wait()
            return _failed("The web process does not stay up", "web")
        if time.monotonic() - talked > TALK_EVERY_SECONDS:
            talked = time.monotonic()
            _say(f"… still at it after {talked - started:.0f} s.")
        time.sleep(0.1)
    return _failed(f"Not ready after {START_SECONDS} s", "web")


def _failed(what: str, service: str) -> int:
    path = companions.LOGS / f"{service}.log"
    tail = path.read_text(errors="replace").splitlines()[-20:] if path.exists() else []
    _say("\n".join([f"{what}. The last lines of {path}:", *tail]))
    return 1


def is_ready(settings: Settings) -> bool:
    """True where the product answers on its port and can do its work."""
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "::1": "[::1]"}.get(settings.host, settings.host)  # noqa: S104 - a comparison
    try:
        with urllib.request.urlopen(f"http://{host}:{settings.port}/ready", timeout=3) as answer:
            return bool(answer.status == 200)  # noqa: PLR2004 - OK
    except (OSError, http.client.HTTPException):
        # No HTTP: somebody else's port, or, while nobody listens, a connection with itself.
        return False


def _say_addresses(settings: Settings) -> None:
    address = settings.effective_public_url
    _say(f"Pages:  {address}\nAPI:    {address}/api/v1\nHooks:  {address}/hooks/catch/…")
    if settings.shows_dev_mailbox:
        _say(f"Mail:   {address}/dev/mailbox (no mail transport is set: nothing leaves this host)")


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - a command speaks by printing
