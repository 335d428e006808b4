"""When the pages are built again, and what is written over Reflex' files."""

from pathlib import Path

import pytest

import rxconfig
from flowforge.infra import frontend


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("flowforge/pages", "flowforge/services", "assets/external"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "flowforge/pages/zaps.py").write_text("one")
    (tmp_path / "rxconfig.py").write_text("one")
    (tmp_path / ".web/build").mkdir(parents=True)
    return tmp_path


def _mark_as_built(root: Path) -> None:
    (root / frontend.STAMP).write_text(frontend.build_key(root))


def test_without_a_build_there_is_something_to_build(root: Path) -> None:
    assert not frontend.is_built(root)


def test_nothing_is_built_twice(root: Path) -> None:
    _mark_as_built(root)
    assert frontend.is_built(root)
    assert not frontend.ensure_built(root)


@pytest.mark.parametrize("name", ["flowforge/pages/zaps.py", "rxconfig.py", "assets/logo.svg"])
def test_a_changed_or_new_source_asks_for_a_build(root: Path, name: str) -> None:
    _mark_as_built(root)
    (root / name).write_text("two")
    assert not frontend.is_built(root)


def test_a_renamed_page_asks_for_a_build(root: Path) -> None:
    _mark_as_built(root)
    (root / "flowforge/pages/zaps.py").rename(root / "flowforge/pages/runs.py")
    assert not frontend.is_built(root)


@pytest.mark.parametrize("name", ["flowforge/services/zaps.py", "assets/external/made.js"])
def test_what_no_page_is_made_of_asks_for_none(root: Path, name: str) -> None:
    _mark_as_built(root)
    (root / name).write_text("two")
    assert frontend.is_built(root)


def test_an_edit_of_reflex_files_is_made_once() -> None:
    source = "before\nconst endpoint = new URL(url_str);\nafter\n"
    edited = rxconfig._same_origin(source)
    assert "window.location.origin" in edited
    assert rxconfig._same_origin(edited) == edited


def test_a_reflex_that_has_changed_is_refused_loudly() -> None:
    with pytest.raises(RuntimeError, match="has changed"):
        rxconfig._same_origin("export const somethingElse = 1;\n")
