"""What we use of Reflex' inside is still there in the pinned version."""

from pathlib import Path

import pytest
import reflex_base
from reflex.compiler.compiler import into_component
from reflex.utils import frontend_skeleton
from reflex_base.config import get_config
from reflex_base.environment import environment

import rxconfig
from flowforge.infra import frontend
from flowforge.pages import PAGES, Page

TEMPLATES = Path(reflex_base.__file__).parent / ".templates" / "web"


def test_the_names_that_start_it_without_a_build_are_reflex_own() -> None:
    names = {
        environment.REFLEX_MOUNT_FRONTEND_COMPILED_APP.name,
        environment.REFLEX_SKIP_COMPILE.name,
        environment.REFLEX_ENV_MODE.name,
    }
    assert set(frontend.SERVING) == names


def test_the_place_for_one_origin_is_in_the_state_module() -> None:
    edited = rxconfig._same_origin((TEMPLATES / "utils" / "state.js").read_text())
    assert "window.location.origin" in edited


def test_the_place_for_the_door_is_in_the_dev_server_config() -> None:
    edited = rxconfig._with_the_door(frontend_skeleton._compile_vite_config(get_config()))
    assert "    flowforge(),\n" in edited


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path)
def test_every_page_can_be_drawn(page: Page) -> None:
    """Seconds here instead of minutes later: the build stops at the first page that cannot."""
    assert into_component(page.draw).render()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path)
def test_no_page_brings_the_look_of_another_house(page: Page) -> None:
    """One link of Radix', and all of its style sheet comes along to every page."""
    libraries = into_component(page.draw)._get_all_imports()
    assert [name for name in libraries if "radix" in name] == []
