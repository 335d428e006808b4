"""The processes that make up one embedded house, and how a web process gets them beside it.

Promises: Redis answers and the schema is up to date before anything that needs them starts; there
is one supervisor per DATA_DIR; what is started beside a web process never outlives it by long.
"""

import asyncio
import fcntl
import json
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from io import TextIOWrapper
from pathlib import Path

import structlog

from flowforge.config import PREFIX, Settings
from flowforge.infra import embedded, pids, telemetry
from flowforge.infra.supervisor import Service, Supervisor

log = structlog.get_logger()

# Set for every child of a supervisor: it must not start a supervisor of its own.
SUPERVISED = f"{PREFIX}SUPERVISED"
LOGS = Path("logs")
PREDECESSOR_SECONDS = 45.0
READY_SECONDS = 120.0


class AlreadyRunning(Exception):
    """Another supervisor works on this DATA_DIR."""


class CannotStart(Exception):
    """A step of the start failed; the message says which and where its log is."""


def is_supervised() -> bool:
    return bool(os.environ.get(SUPERVISED))


async def run(
    settings: Settings,
    *,
    with_web: bool,
    on_started: Callable[[str], None],
    until: asyncio.Event,
) -> None:
    """Start the house, call ``on_started`` with the address of Redis, stop when ``until`` is set.

    Raises: AlreadyRunning, CannotStart.
    """
    lock = await _only_one(settings, patience=0.0 if with_web else PREDECESSOR_SECONDS)
    # We hold the lock: whatever still runs here has lost its supervisor.
    await asyncio.to_thread(pids.end_orphans, LOGS, log.warning)
    supervisor = Supervisor(LOGS)
    try:
        redis_url = await _start_redis(supervisor, settings)
        env = {
            SUPERVISED: "1",
            f"{PREFIX}REDIS_URL": redis_url,
            telemetry.SHARED: str(_fresh_folder(settings.data_dir / "figures")),
        }
        samples = ("--with-seed",) if settings.is_embedded_database else ()
        if await supervisor.run(_own("migrate", env, *samples)) != 0:
            raise CannotStart(f"The migration failed: see {LOGS / 'migrate.log'}.")
        for service in _services(settings, env, with_web=with_web):
            await supervisor.start(service)
        on_started(redis_url)
        await until.wait()
    finally:
        await supervisor.stop()
        lock.close()


def _fresh_folder(path: Path) -> Path:
    """For the figures that processes share: what an earlier life counted is over."""
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True, mode=0o700)
    return path.resolve()


@asynccontextmanager
async def beside(settings: Settings) -> AsyncIterator[Settings]:
    """Redis, migrations and workers for a web process that nobody supervises.

    They live in a process of their own that ends when its standard input does: so they end with
    this process even where it is killed.
    """
    if is_supervised():
        yield settings
        return
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "flowforge", "up", "--foreground", "--beside"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    orphaned = asyncio.create_task(_end_when_orphaned(os.getppid()))
    try:
        yield settings.model_copy(update={"redis_url": await _first_word(process)})
    finally:
        orphaned.cancel()
        if process.stdin is not None:
            process.stdin.close()
        # Reflex gives its backend two seconds at a hot reload; the rest happens without us.
        with suppress(TimeoutError):
            async with asyncio.timeout(1.5):
                await process.wait()


class Announcer:
    """The other end of ``beside``: standard output is the line to the parent, logs go elsewhere."""

    def __init__(self) -> None:
        LOGS.mkdir(exist_ok=True)
        self._line = os.dup(sys.stdout.fileno())
        with (LOGS / "up.log").open("ab") as log_file:
            for stream in (sys.stdout, sys.stderr):
                os.dup2(log_file.fileno(), stream.fileno())

    def __call__(self, redis_url: str) -> None:
        """Tell the parent that everything stands."""
        os.write(self._line, json.dumps({"redis_url": redis_url}).encode() + b"\n")
        os.close(self._line)


async def parent_is_gone(until: asyncio.Event) -> None:
    """Set ``until`` once the parent has closed our standard input, or is no more."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await reader.read()
    until.set()


def stop_on_signals(until: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, until.set)


async def _end_when_orphaned(parent: int) -> None:
    """A killed Reflex leaves its backend behind, which would keep this DATA_DIR for itself."""
    while os.getppid() == parent:  # noqa: ASYNC110 - nobody tells a process that it is orphaned
        await asyncio.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)


async def _first_word(process: asyncio.subprocess.Process) -> str:
    if process.stdout is None:
        raise CannotStart("The companions have no standard output.")
    async with asyncio.timeout(READY_SECONDS):
        line = await process.stdout.readline()
    if not line:
        raise CannotStart(f"Redis, migrations or workers could not start: see {LOGS}/.")
    word: str = json.loads(line)["redis_url"]
    return word


async def _only_one(settings: Settings, *, patience: float) -> TextIOWrapper:
    """The lock of this DATA_DIR. After a hot reload the predecessor is still on its way out."""
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = (settings.data_dir / "up.lock").open("w")
    deadline = asyncio.get_running_loop().time() + patience
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if asyncio.get_running_loop().time() >= deadline:
                lock.close()
                raise AlreadyRunning(
                    f"FlowForge already runs on {settings.data_dir}: ./stop.sh ends it."
                ) from None
            await asyncio.sleep(0.1)
        else:
            return lock


async def _start_redis(supervisor: Supervisor, settings: Settings) -> str:
    """The address of Redis: the one that was set, the embedded one, or "" where there is none."""
    if settings.redis_url:
        return settings.redis_url
    plan = embedded.prepare(settings)
    if plan is None:
        log.info(embedded.NONE_FOUND)
        return ""
    await supervisor.start(Service("redis", plan.command, is_ground=True))
    if not await embedded.wait_until_ready(plan.url):
        # The database decides, Redis only carries wake-ups: a start without it is a slower one.
        log.warning("the embedded Redis does not answer", log_file=str(LOGS / "redis.log"))
    return plan.url


def _services(settings: Settings, env: dict[str, str], *, with_web: bool) -> list[Service]:
    services = [_own("web", env)] if with_web else []
    names = ["worker", *(f"worker-{n}" for n in range(2, settings.workers + 1))]
    return [*services, *(_own("worker", env, name=name) for name in names)]


def _own(command: str, env: dict[str, str], *flags: str, name: str | None = None) -> Service:
    return Service(name or command, (sys.executable, "-m", "flowforge", command, *flags), env)
