"""A PostgreSQL server of the test's own: one that may be killed, frozen and filled up.

The server that other tests share must not be restarted under them. Needs PostgreSQL's server
programs on this machine; as root they run as the user ``postgres``.
"""

import asyncio
import os
import shutil
import signal
import subprocess
from contextlib import suppress
from glob import glob
from pathlib import Path

import asyncpg

from tests.servers.rude_http import free_port

ROLE = "flowforge"
PASSWORD = "planted-database-password"  # to be looked for in the logs
DATABASE = "chaos"
MOST_CONNECTIONS = 120


def programs() -> Path | None:
    """The folder with ``initdb`` and ``pg_ctl``."""
    found = [Path(path).parent for path in sorted(glob("/usr/lib/postgresql/*/bin/pg_ctl"))]  # noqa: PTH207 - of the root
    on_path = shutil.which("pg_ctl")
    return found[-1] if found else Path(on_path).resolve().parent if on_path else None


class OwnPostgres:
    """``url`` is how FlowForge connects, ``admin_url`` as who may do everything."""

    def __init__(self, folder: Path) -> None:
        bin_folder = programs()
        assert bin_folder is not None, "no PostgreSQL server programs on this machine"
        self._bin = bin_folder
        self._folder = folder
        self._data = folder / "data"
        self._port = free_port()
        self._user = "postgres" if os.getuid() == 0 else None
        self._frozen: list[int] = []
        self.url = f"postgresql://{ROLE}:{PASSWORD}@127.0.0.1:{self._port}/{DATABASE}"
        self.admin_url = f"postgresql://postgres@127.0.0.1:{self._port}/{DATABASE}"

    async def create(self) -> None:
        """A fresh cluster, running, with an empty database."""
        self._folder.mkdir(mode=0o755)
        if self._user:
            shutil.chown(self._folder, self._user)
        await self._run("initdb", "-D", str(self._data), "-U", "postgres", "-A", "trust", "-N")
        with (self._data / "postgresql.conf").open("a") as conf:
            conf.write(
                f"port = {self._port}\nlisten_addresses = '127.0.0.1'\n"
                f"unix_socket_directories = '{self._folder}'\n"
                f"max_connections = {MOST_CONNECTIONS}\nshared_buffers = 128MB\n"
                # Recovery after each kill is to take a moment, not to replay half an hour.
                "checkpoint_timeout = 30s\nmax_wal_size = 512MB\n"
            )
        await self.start()
        admin = await asyncpg.connect(self.admin_url.replace(f"/{DATABASE}", "/postgres"))
        await admin.execute(f"CREATE ROLE {ROLE} LOGIN PASSWORD '{PASSWORD}'")
        await admin.execute(f"CREATE DATABASE {DATABASE} OWNER {ROLE}")
        await admin.close()

    async def start(self) -> None:
        await self._ctl("start", "-l", str(self._folder / "postgres.log"))

    async def stop_at_once(self) -> None:
        """As a power cut would: no farewell to anybody, recovery at the next start."""
        await self._ctl("stop", "-m", "immediate")

    async def restart_at_once(self) -> None:
        await self._ctl("restart", "-m", "immediate", "-l", str(self._folder / "postgres.log"))

    def freeze(self) -> None:
        """Connections stay open and nothing answers, as behind a cut cable."""
        self._frozen = self._processes()
        for pid in self._frozen:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)

    def thaw(self) -> None:
        for pid in self._frozen:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        self._frozen = []

    async def end_connections(self) -> None:
        """Of FlowForge, whatever they are doing."""
        await self._execute(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{ROLE}'"
        )

    async def allow_connections(self, most: int) -> None:
        """New ones beyond ``most`` are refused; -1 allows all."""
        await self._execute(f"ALTER ROLE {ROLE} CONNECTION LIMIT {most}")

    async def remove(self) -> None:
        self.thaw()
        with suppress(AssertionError):
            await self.stop_at_once()
        shutil.rmtree(self._folder, ignore_errors=True)

    async def _execute(self, statement: str) -> None:
        admin = await asyncpg.connect(self.admin_url)
        await admin.execute(statement)
        await admin.close()

    def _processes(self) -> list[int]:
        postmaster = int((self._data / "postmaster.pid").read_text().split("\n", 1)[0])
        found = [postmaster]
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):
                text = stat.read_text()
                if int(text[text.rindex(")") + 2 :].split()[1]) == postmaster:
                    found.append(int(stat.parent.name))
        return found

    async def _ctl(self, action: str, *options: str) -> None:
        await self._run("pg_ctl", action, "-D", str(self._data), "-w", "-t", "60", *options)

    async def _run(self, program: str, *arguments: str) -> None:
        def call() -> subprocess.CompletedProcess[bytes]:
            # Output to a file: a server that inherits a pipe would keep it open for ever.
            with (self._folder / "control.log").open("ab") as out:
                return subprocess.run(
                    [self._bin / program, *arguments],
                    user=self._user,
                    cwd=self._folder,
                    stdout=out,
                    stderr=out,
                    stdin=subprocess.DEVNULL,
                    check=False,
                )

        done = await asyncio.to_thread(call)
        said = (self._folder / "control.log").read_text()[-2000:]
        assert done.returncode == 0, f"{program} {arguments[0]}: {said}"
