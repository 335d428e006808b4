"""Workers that die while they tell GitHub: there is one hook, or none, whoever died where."""

import asyncio
import signal

from pytest_httpserver import HTTPServer
from sqlalchemy import select

from flowforge.infra.failpoints import CATALOGUE
from flowforge.models import Registration
from tests.chaos.site import Site
from tests.integration.registrations.registering import (
    REPLY,
    connected,
    due_again,
    switched,
    trigger,
)
from tests.servers.github import FakeGitHub
from tests.zapping import published

# In the order in which a turn comes by: each worker gets a place further than the one before.
PLACES = ("register.before_send", "register.after_send", "register.before_commit")


def test_every_place_of_a_turn_is_died_at() -> None:
    assert set(PLACES) == {name for name in CATALOGUE if name.startswith("register.")}


async def test_deaths_leave_one_hook_and_none_once_it_is_off(
    site: Site, httpserver: HTTPServer
) -> None:
    github = FakeGitHub(httpserver)
    site.settings["FLOWFORGE_GITHUB_API_URL"] = f"http://127.0.0.1:{httpserver.port}"
    ada = await connected(site.house)
    zap = await published(site.house, ada, REPLY, trigger=trigger())
    await die_everywhere(site)
    await becomes(site, "active")
    assert len(github.hooks) == github.counted["POST"] == 1
    await switched(site.house, ada, zap, on=False)
    await die_everywhere(site)
    await becomes(site, "removed")
    assert github.hooks == []


async def die_everywhere(site: Site) -> None:
    """A worker dies at one place after the other, and its lease has run out."""
    for place in PLACES:
        child = await site.born(f"{place}=kill")
        assert await child.ended(20) == -signal.SIGKILL
        await due_again(site.house)


async def becomes(site: Site, status: str) -> None:
    child = await site.worker()
    async with asyncio.timeout(20):
        while (await the_row(site)).status != status:  # noqa: ASYNC110 - another process does it
            await asyncio.sleep(0.1)
    child.kill()


async def the_row(site: Site) -> Registration:
    async with site.house.db.reading() as session:
        found: Registration = (await session.scalars(select(Registration))).one()
        return found
