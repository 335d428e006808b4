"""The documents say what is: links lead somewhere, commands, settings and routes exist, examples run."""

import ipaddress
import re
import subprocess
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from pytest_httpserver import HTTPServer

from flowforge.actions.choices import finders
from flowforge.actions.forms import form_schema
from flowforge.actions.sdk import Action, Choice, Context, FindContext
from flowforge.api.app import create_app
from flowforge.cli import app
from flowforge.config import PREFIX, Settings
from flowforge.infra.http import guarded_client
from flowforge.services import notices
from tests.servers.memory_store import MemoryStore

ROOT = Path(__file__).parents[2]
MADE_HERE = {".venv", ".web", ".states", ".flowforge", "node_modules", ".pytest_cache"}
PAGES = sorted(
    path for path in ROOT.rglob("*.md") if not MADE_HERE & set(path.relative_to(ROOT).parts)
)
README = (ROOT / "README.md").read_text()
API = (ROOT / "docs" / "api.md").read_text()
# What no setting is, and why it is named all the same.
NO_SETTINGS = {f"{PREFIX}SUPERVISED", f"{PREFIX}HOOKS_PORT", f"{PREFIX}FAIL"}
METHODS = "GET|POST|PUT|PATCH|DELETE"

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def without_code(text: str) -> str:
    return re.sub(
        r"`[^`\n]*`", "", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    )


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """The names that headings get, in the way of the usual viewers."""
    headings = re.findall(r"^#+ (.+)$", without_code(page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@each_page
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", without_code(page.read_text())):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = unquote(target).partition("#")
        found = (page.parent / name).resolve() if name else page
        if not found.exists() or (anchor and anchor not in anchors(found)):
            broken.append(target)
    assert broken == []


def test_every_record_is_numbered_once_and_in_order() -> None:
    names = sorted(path.name for path in (ROOT / "docs" / "adr").glob("*.md"))
    assert [int(name[:4]) for name in names] == list(range(1, len(names) + 1))
    for name in names:
        text = (ROOT / "docs" / "adr" / name).read_text()
        assert text.startswith(f"# {int(name[:4])}. "), name
        for part in ("Context", "Decision", "Consequences", "Alternatives"):
            assert f"## {part}" in text, f"{name} has no {part}"


@each_page
def test_every_setting_that_is_named_exists(page: Path) -> None:
    known = {PREFIX + name.upper() for name in Settings.model_fields} | NO_SETTINGS
    named = set(re.findall(rf"\b{PREFIX}[A-Z][A-Z_]*\b", page.read_text()))
    assert named - known == set()


@each_page
def test_every_command_of_ours_exists(page: Path) -> None:
    known = {
        command.name or command.callback.__name__
        for command in app.registered_commands
        if command.callback is not None
    }
    named = set(re.findall(r"python -m flowforge ([a-z]+)", page.read_text()))
    assert named - known == set()


def test_every_option_that_is_named_exists() -> None:
    options = {
        name: re.findall(r"--[a-z-]+", " ".join(map(repr, declared_options(name))))
        for name in ("doctor", "restore", "hooks", "up")
    }
    for page in PAGES:
        used = re.findall(r"python -m flowforge ([a-z]+)[^`\n]*? (--[a-z-]+)", page.read_text())
        for command, option in used:
            assert option in options.get(command, []), f"{page.name}: {command} {option}"


def declared_options(name: str) -> Iterator[Any]:
    import typer.main  # noqa: PLC0415 - only to ask a command for its options

    command = typer.main.get_command(app)
    for parameter in command.commands[name].params:  # type: ignore[attr-defined]
        yield parameter.opts


@each_page
def test_every_script_that_is_named_exists(page: Path) -> None:
    named = set(re.findall(r"(?<![\w.])\./([\w/-]+\.sh|\.ci/run)\b", page.read_text()))
    assert [name for name in named if not (ROOT / name).is_file()] == []


@each_page
def test_every_module_that_is_run_exists(page: Path) -> None:
    named = set(re.findall(r"python -m (bench[\w.]*)", page.read_text()))
    places = {name: ROOT / name.replace(".", "/") for name in named}
    missing = [
        name
        for name, place in places.items()
        if not (place / "__main__.py").exists() and not place.with_suffix(".py").exists()
    ]
    assert missing == []


@each_page
def test_every_file_of_ours_that_is_named_exists(page: Path) -> None:
    """`services/ingest.py` stands for the file under flowforge/."""
    named = set(re.findall(r"`((?:[\w.-]+/)+[\w-]+\.(?:py|sh|toml|yml|c|svg))`", page.read_text()))
    # The example of docs/actions.md is a file that the reader is to write.
    wanted = [name for name in named if "ntfy" not in name]
    missing = [
        n for n in wanted if not (ROOT / n).exists() and not (ROOT / "flowforge" / n).exists()
    ]
    assert missing == []


def test_the_readme_begins_with_what_it_is_a_picture_and_two_commands() -> None:
    first_screen = "\n".join(README.splitlines()[:15])
    assert re.search(r"!\[[^\]]+\]\(docs/images/builder\.png\)", first_screen)
    (commands,) = blocks(first_screen, "sh")
    assert [line.split("#")[0].strip() for line in commands.splitlines()] == [
        "./dev.sh",
        ".venv/bin/python -m flowforge demo",
    ]


def test_no_page_names_a_place_on_somebodys_machine() -> None:
    places = re.compile(r"(?<![\w.~/-])/(?:work|root|home|Users|tmp)/\w")
    assert [page.name for page in PAGES if places.search(page.read_text())] == []


def test_the_api_page_has_every_route_and_no_other() -> None:
    paths = create_app(_no_runtime).openapi()["paths"]
    real = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}
    told = set(re.findall(rf"^\| `((?:{METHODS}) /[^`?]*)`", API, re.MULTILINE))
    assert told == real


def test_the_page_of_destinations_has_every_kind_of_notice() -> None:
    page = (ROOT / "docs" / "destinations.md").read_text()
    assert [kind for kind in notices.KINDS if f"`{kind}`" not in page] == []


def test_the_shell_of_every_page_can_be_read_by_a_shell() -> None:
    for page in PAGES:
        for block in blocks(page.read_text(), "sh"):
            # <zap id> and the like are for a person to replace.
            script = re.sub(r"<[a-z ]+>", "id", block)
            done = subprocess.run(
                ["bash", "-n"], input=script, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, f"{page.name}: {done.stderr}"


async def test_the_action_of_the_example_works(httpserver: HTTPServer) -> None:
    source, *_ = blocks((ROOT / "docs" / "actions.md").read_text(), "python")
    module = types.ModuleType("example")
    exec(compile(source, "docs/actions.md", "exec"), module.__dict__)
    push: Action[Any, Any, Any] = module.push
    httpserver.expect_oneshot_request(
        "/orders", method="POST", data=b"Hello", headers={"Idempotency-Key": "run-1:push"}
    ).respond_with_json({"id": "m1"})
    inputs = push.validate({"url": httpserver.url_for("/orders"), "message": "Hello"})
    async with guarded_client([ipaddress.ip_network("127.0.0.0/8")]) as http:
        context: Context[None] = Context(
            connection=None, http=http, idempotency_key="run-1:push", store=MemoryStore()
        )
        assert (await push(context, inputs)).id == "m1"
    httpserver.check_assertions()


async def test_the_options_of_the_example_are_found(httpserver: HTTPServer) -> None:
    *_, source = blocks((ROOT / "docs" / "actions.md").read_text(), "python")
    module = types.ModuleType("example_of_options")
    exec(compile(source, "docs/actions.md", "exec"), module.__dict__)
    httpserver.expect_oneshot_request("/topics", query_string={"q": "or"}).respond_with_json(
        [{"id": "t1", "name": "Orders"}]
    )
    finder = finders(module.Push)["topic"]
    async with guarded_client([ipaddress.ip_network("127.0.0.0/8")]) as http:
        context = FindContext(None, http, search="or")
        found = await finder.find(context, {"server": httpserver.url_for("")})
    assert found == [Choice("t1", "Orders")]
    assert form_schema(module.Push)["properties"]["topic"]["widget"] == "select"


def _no_runtime() -> Any:
    raise AssertionError("describing the routes needs no runtime")
