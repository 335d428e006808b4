"""The rules of the house that are programs: floors, commits, words, sizes, and what must not leak."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlmodel import SQLModel

import flowforge.models  # noqa: F401 - its tables register themselves

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "flowforge"
MODULES = sorted(PACKAGE.rglob("*.py"))
LONGEST_MODULE = 400
# DESIGN's words for tables: one word, one meaning.
GLOSSARY = {
    "app_source", "approval", "approver", "attempt", "batch", "delivery", "destination",
    "event", "file", "folder", "gate", "mail", "mail_token", "member", "notice", "outbox", "project",
    "registration", "run", "sample", "slot", "snapshot", "store_entry", "tag", "tally", "tally_mark",
    "timer",
    "user", "user_session", "version", "worker", "zap",
}  # fmt: skip
FORBIDDEN_WORDS = {"workflow", "flow", "piece", "execution", "workspace", "org", "task", "rerun"}


def tracked() -> list[Path]:
    """The files of the repository; without git (an unpacked archive) all but what is made here."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode == 0:
        return [ROOT / name for name in listed.stdout.split("\0") if name]
    made = {".venv", ".web", ".states", ".flowforge", "logs"}
    return [
        path
        for path in ROOT.rglob("*")
        if path.is_file() and not made & set(path.relative_to(ROOT).parts)
    ]


def texts() -> Iterator[tuple[Path, str]]:
    for path in tracked():
        if path.exists():
            try:
                yield path.relative_to(ROOT), path.read_text()
            except UnicodeDecodeError:
                continue


def test_imports_only_go_down() -> None:
    command = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [command, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_each_module_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text())), "no module docstring"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_each_module_fits_in_a_head(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= LONGEST_MODULE


@pytest.mark.parametrize("name", ["utils", "common", "helpers", "manager", "base"])
def test_no_module_has_a_name_that_says_nothing(name: str) -> None:
    assert [path for path in MODULES if name in {path.stem, path.parent.name}] == []


def test_services_never_commit() -> None:
    """The door opens the transaction, the door ends it."""
    commits = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in MODULES
        if path.parent.name == "services"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"commit", "rollback"}
    ]
    assert commits == []


def test_tables_are_named_with_words_of_the_glossary() -> None:
    names = set(SQLModel.metadata.tables)
    # Plurals are fine, and one prefix for all would be too.
    singular = {_singular(name) for name in names}
    assert singular <= GLOSSARY


def test_columns_use_no_word_that_the_glossary_rules_out() -> None:
    wrong = [
        f"{table.name}.{column.name}"
        for table in SQLModel.metadata.tables.values()
        for column in table.columns
        if FORBIDDEN_WORDS & set(column.name.split("_"))
    ]
    assert wrong == []


def _singular(name: str) -> str:
    if name.endswith("entries"):
        return name.removesuffix("entries") + "entry"
    return name.removesuffix("s")


def test_no_file_names_a_package_registry() -> None:
    """A lock or a config that does would send every other machine to ours."""
    hosts = re.compile(r"registry\.(npmjs|npmmirror|yarnpkg)\.\w+|pypi\.org/simple|verdaccio")
    found = [str(path) for path, text in texts() if hosts.search(text)]
    assert [name for name in found if name != "tests/contracts/test_rules.py"] == []


def test_no_file_names_a_place_on_somebodys_machine() -> None:
    places = re.compile(r"(?<![\w./~-])/(?:work|root|home/\w+|Users/\w+)/\w")
    found = [str(path) for path, text in texts() if places.search(text)]
    assert found == []


def test_each_requirement_is_pinned() -> None:
    for name in ("requirements.txt", "requirements-dev.txt"):
        for line in (ROOT / name).read_text().splitlines():
            if line and not line.startswith(("#", "-r ")):
                assert re.search(r"==|>=.*,<", line), line
