"""The commands: ``python -m flowforge up|web|hooks|worker|migrate|seed|doctor|backup|restore|demo``.

Promise: whatever is wrong is said in one sentence that names what to change. A command imports what
it needs when it runs: the supervisor stays small and the hooks process never loads Reflex.
"""

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from flowforge.config import PREFIX, Settings, load_settings

app = typer.Typer(
    help="FlowForge: a self-hosted Zapier in pure Python.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def _armed() -> None:
    """Orders for failpoints are read before anything is opened: a test's mistake ends here."""
    from flowforge.infra import failpoints

    failpoints.arm()


@app.command()
def up(
    *,
    foreground: Annotated[bool, typer.Option(help="Stay, until Ctrl-C.")] = False,
    beside: Annotated[bool, typer.Option(hidden=True)] = False,
) -> None:
    """Start everything: embedded Redis, migrations, web and workers, supervised."""
    from flowforge.infra import launch

    if not foreground:
        raise typer.Exit(launch.detached(load_settings()))
    raise typer.Exit(launch.attached(load_settings(), beside=beside))


@app.command()
def web() -> None:
    """Serve the pages, the API and the hooks on one port; builds the pages after a change."""
    from flowforge.infra import frontend, launch

    settings = _with_neighbours(load_settings())
    launch.refuse_busy_port(settings)
    _build()
    os.environ.update(frontend.SERVING)
    _serve("flowforge.flowforge:app", settings, workers=settings.web_workers)


@app.command()
def hooks(
    port: Annotated[int | None, typer.Option(help=f"Instead of {PREFIX}PORT.")] = None,
) -> None:
    """Serve the webhooks alone: more processes for more load, without the pages."""
    from flowforge.infra import launch

    settings = _with_neighbours(load_settings())
    if port is not None:
        settings = settings.model_copy(update={"port": port})
    launch.refuse_busy_port(settings)
    _serve("flowforge.api.app:hooks_app", settings, workers=1)


@app.command()
def worker() -> None:
    """Perform steps, until stopped."""
    _with_neighbours(load_settings())
    from flowforge.jobs.worker import main

    main()


@app.command()
def migrate(
    *, with_seed: Annotated[bool, typer.Option("--with-seed", hidden=True)] = False
) -> None:
    """Bring the database to this release's schema."""
    _migrate(load_settings())
    print("The schema is up to date.")
    if with_seed:
        # One process for both: the start of an interpreter is what a second one would cost.
        try:
            _seed()
        except Exception as problem:  # noqa: BLE001 - a start must not fail for want of samples
            print(f"The sample data could not be added: {problem}")


@app.command()
def seed() -> None:
    """Add the sample data, unless it is there already."""
    _with_neighbours(load_settings())
    _seed()


@app.command()
def demo() -> None:
    """Sign up a demo owner, publish a zap, fire a webhook at it and follow the run to its end."""
    _with_neighbours(load_settings())
    from flowforge.services.demo import demo as tour

    raise typer.Exit(asyncio.run(tour(load_settings())))


@app.command()
def doctor(
    *, new_key: Annotated[bool, typer.Option("--new-key", help="Print a fresh key.")] = False
) -> None:
    """Look at everything a start depends on: one sentence each, exit code 1 if one is bad."""
    from flowforge.infra import checkup

    if new_key:
        print(checkup.new_key())
        return
    findings = asyncio.run(checkup.examine(load_settings(), Path.cwd()))
    for finding in findings:
        print(finding)
    raise typer.Exit(0 if all(finding.is_good for finding in findings) else 1)


@app.command()
def backup(
    target: Annotated[Path, typer.Argument(help="A .tar.gz, or a .dump for PostgreSQL.")],
) -> None:
    """Copy the database and the files into one archive, while everything runs."""
    from flowforge.infra import archive

    print(_spoken(lambda: archive.backup(load_settings(), target)))


@app.command()
def restore(
    source: Annotated[Path, typer.Argument(help="What backup has written.")],
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Replace what is there.")] = False,
) -> None:
    """Put an archive back in place of the data that is there; nothing may be running."""
    from flowforge.infra import archive

    print(_spoken(lambda: archive.restore(load_settings(), source, replace=yes)))


@app.command()
def build() -> None:
    """Build the pages, unless nothing changed since they were built."""
    _build()
    print("The pages are built.")


@app.command(hidden=True)
def alive(service: Annotated[str, typer.Argument(help="web, hooks or worker")] = "web") -> None:
    """For health checks: exit code 0 if this machine's service can do its work."""
    from flowforge.infra import checkup, launch

    settings = load_settings()
    is_alive = (
        asyncio.run(checkup.can_work(settings))
        if service == "worker"
        else launch.is_ready(settings)
    )
    raise typer.Exit(0 if is_alive else 1)


def _seed() -> None:
    from flowforge.services.demo import seed as seed_house

    asyncio.run(seed_house(load_settings()))


def _build() -> None:
    from flowforge.infra import frontend

    if frontend.is_built(Path.cwd()):
        return
    print("Building the pages: only after a change, about half a minute.", flush=True)
    try:
        frontend.ensure_built(Path.cwd())
    except frontend.BuildFailed as problem:
        raise SystemExit(str(problem)) from None


def _spoken(work: Callable[[], str]) -> str:
    from flowforge.infra import archive

    try:
        return work()
    except archive.CannotArchive as problem:
        raise SystemExit(str(problem)) from None


def _serve(target: str, settings: Settings, *, workers: int) -> None:
    """Become granian: its parent process stays small, for it need not hold our imports."""
    from flowforge.infra import companions

    os.environ[companions.SUPERVISED] = "1"
    flags = {
        "--interface": "asgi",
        "--host": settings.host,
        "--port": str(settings.port),
        "--workers": str(workers),
        "--workers-kill-timeout": "15",
    }
    options = [part for pair in flags.items() for part in pair]
    # One worker alone: granian ends with it, and whoever supervises granian starts it anew, slower
    # each time; granian itself would try for ever.
    more = ["--respawn-failed-workers"] if workers > 1 else []
    command = [sys.executable, "-m", "granian", *options, "--factory", *more, target]
    os.execv(sys.executable, command)  # noqa: S606 - our own interpreter and arguments


def _with_neighbours(settings: Settings) -> Settings:
    """Started alone, a process migrates first and joins the embedded Redis if one runs."""
    from flowforge.infra import companions, embedded

    if companions.is_supervised():
        return settings
    _migrate(settings)
    found = None if settings.redis_url else asyncio.run(embedded.running_url(settings))
    if found:
        os.environ[f"{PREFIX}REDIS_URL"] = found
        load_settings.cache_clear()
    return load_settings()


def _migrate(settings: Settings) -> None:
    from flowforge.errors import Conflict
    from flowforge.infra import migrations

    try:
        asyncio.run(migrations.upgrade(settings.effective_database_url))
    except Conflict as problem:
        raise SystemExit(problem.message) from None
    except OSError as problem:
        sys.exit(f"The database cannot be reached: {problem}. Check {PREFIX}DATABASE_URL.")
