"""Backup and restore: SQLite and the files by ourselves, PostgreSQL by its own tools.

Promises: a backup taken under load is consistent; the keys never travel with the data they seal; a
restore replaces everything or nothing.
"""

import os
import shutil
import sqlite3
import subprocess
import tarfile
import tempfile
from pathlib import Path

from sqlalchemy import make_url

from flowforge.config import PREFIX, Settings

DATABASE = "flowforge.db"
BLOBS = "blobs"
KEYS = ("secret_key", "encryption_key")


class CannotArchive(Exception):
    """The message says why and what to do instead."""


def backup(settings: Settings, target: Path) -> str:
    """Write ``target``. Returns what to tell the person.

    Raises: CannotArchive.
    """
    if target.exists():
        raise CannotArchive(f"{target} exists already: name a new file.")
    if settings.database_url.startswith("postgres"):
        return _postgres(settings, "pg_dump", ["--format=custom", f"--file={target}"], target)
    source = sqlite_file(settings)
    if not source.exists():
        raise CannotArchive(f"There is no database at {source} yet: nothing to back up.")
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".backup-") as scratch:
        copy = Path(scratch) / DATABASE
        _copy_database(source, copy)
        fresh = Path(scratch) / "archive"
        with tarfile.open(fresh, "w:gz") as archive:
            # The rows first: a file that came later is an orphan, a row without its file is a loss.
            archive.add(copy, DATABASE)
            if (settings.data_dir / BLOBS).is_dir():
                archive.add(settings.data_dir / BLOBS, BLOBS)
        fresh.chmod(0o600)
        fresh.replace(target)
    return f"Wrote {target}. {_about_keys(settings)}"


def restore(settings: Settings, source: Path, *, replace: bool) -> str:
    """Put ``source`` in the place of the data that is there. Returns what to tell the person.

    Raises: CannotArchive.
    """
    if not source.exists():
        raise CannotArchive(f"There is no file {source}.")
    if settings.database_url.startswith("postgres"):
        if not replace:
            raise CannotArchive("This replaces what is in the database: repeat it with --yes.")
        flags = ["--clean", "--if-exists", "--single-transaction", "--no-owner"]
        return _postgres(settings, "pg_restore", flags, source)
    target = sqlite_file(settings)
    if target.exists() and not replace:
        raise CannotArchive(f"This replaces {target}: repeat it with --yes.")
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".restore-") as scratch:
        _unpack(source, Path(scratch))
        _refuse_while_running(settings)
        _swap(Path(scratch), target, settings.data_dir / BLOBS)
    return f"Restored {source}. {_about_keys(settings)}"


def sqlite_file(settings: Settings) -> Path:
    return Path(make_url(settings.effective_database_url).database or DATABASE)


def _copy_database(source: Path, target: Path) -> None:
    with sqlite3.connect(source, timeout=30) as live, sqlite3.connect(target) as copy:
        live.backup(copy)
    live.close()
    copy.close()
    target.chmod(0o600)


def _unpack(source: Path, scratch: Path) -> None:
    try:
        with tarfile.open(source, "r:gz") as archive:
            archive.extractall(scratch, filter="data")
    except (tarfile.TarError, OSError, EOFError) as problem:
        raise CannotArchive(f"{source} is not a backup of FlowForge: {problem}.") from None
    database = scratch / DATABASE
    if not database.is_file():
        raise CannotArchive(f"{source} is not a backup of FlowForge: it has no {DATABASE}.")
    connection = sqlite3.connect(database)
    try:
        verdict = connection.execute("PRAGMA integrity_check").fetchone()[0]
    except sqlite3.DatabaseError as problem:
        verdict = str(problem)
    finally:
        connection.close()
    if verdict != "ok":
        raise CannotArchive(f"The database in {source} is damaged: {verdict}.")


def _refuse_while_running(settings: Settings) -> None:
    import fcntl  # noqa: PLC0415 - POSIX only, like the supervisor whose lock it looks at

    lock = settings.data_dir / "up.lock"
    if not lock.exists():
        return
    with lock.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotArchive("FlowForge is running: ./stop.sh first, then restore.") from None


def _swap(scratch: Path, database: Path, blobs: Path) -> None:
    # A journal that belongs to the old file would be played back into the new one.
    for ending in ("-wal", "-shm"):
        database.with_name(database.name + ending).unlink(missing_ok=True)
    old = scratch / "old-blobs"
    if blobs.exists():
        blobs.replace(old)
    if (scratch / BLOBS).is_dir():
        shutil.move(scratch / BLOBS, blobs)
    (scratch / DATABASE).replace(database)


def _postgres(settings: Settings, tool: str, flags: list[str], file: Path) -> str:
    """Run PostgreSQL's own tool; where it is missing, say the exact command."""
    url = make_url(settings.database_url.replace("postgres://", "postgresql://", 1))
    # Not url.set(): that takes None for "leave it as it is".
    password, bare = url.password, url._replace(password=None).render_as_string()
    operand = [str(file)] if tool == "pg_restore" else []
    command = [tool, *flags, f"--dbname={bare}", *operand]
    found = shutil.which(tool)
    if found is None:
        raise CannotArchive(
            f"{tool} is not on this machine. Where it is, run: {' '.join(command)}\n"
            f"and copy {settings.data_dir / BLOBS} along."
        )
    # By the environment, not as an argument: every user of the machine can read those.
    env = {**os.environ, **({"PGPASSWORD": str(password)} if password else {})}
    done = subprocess.run(  # noqa: S603 - arguments of our own making
        [found, *command[1:]], env=env, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise CannotArchive(f"{tool} failed: {done.stderr.strip()}")
    return (
        f"{tool} is done with {file}. Copy {settings.data_dir / BLOBS} along. "
        f"{_about_keys(settings)}"
    )


def _about_keys(settings: Settings) -> str:
    generated = [name for name in KEYS if (settings.data_dir / name).exists()]
    where = (
        f"They are the files {' and '.join(generated)} in {settings.data_dir}"
        if generated
        else f"They are {PREFIX}SECRET_KEY and {PREFIX}ENCRYPTION_KEY"
    )
    return (
        f"The keys are not in it: without them no sealed secret can be opened. {where}; "
        "keep them apart from the backup."
    )
