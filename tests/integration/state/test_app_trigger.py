"""The app trigger in the builder: its URL, what is missing for it, and what the app was told."""

from typing import Any

from sqlalchemy import update
from sqlmodel import col

from flowforge.infra.db import utc_now
from flowforge.models import Registration
from flowforge.services import app_sources
from flowforge.services.app_sources import NewSecrets
from flowforge.services.zap_views import ZapView
from flowforge.state.app_trigger import AppTrigger, Told
from flowforge.state.builder import Builder
from flowforge.state.filling import Filling
from tests.house import Account, House
from tests.integration.state.tabs import beside, call, tab
from tests.zapping import published

STOP = {"id": "end", "kind": "stop"}
GITHUB = {"app": "github", "event": "push", "register_at": "ada/engine"}


async def zap_of(house: House, owner: Account, **settings: Any) -> ZapView:
    return await published(house, owner, STOP, trigger={"kind": "app", "settings": settings})


async def opened(owner: Account, zap: ZapView) -> tuple[Any, Any]:
    """The builder of ``zap``, and what its panel knows of the app."""
    builder = tab(Builder, owner, f"/zaps/{zap.id}")
    await call(builder, "open")
    return builder, beside(builder, AppTrigger)


async def given(house: House, owner: Account, **secrets: str) -> str:
    async with house.db.transaction() as session:
        view = await app_sources.put_source(
            session, owner.actor, "github", NewSecrets.model_validate(secrets)
        )
    return str(view.url)


async def came_to(house: House, zap: ZapView, **values: Any) -> None:
    """As if a worker had asked the app."""
    async with house.db.transaction() as session:
        await session.execute(
            update(Registration).where(col(Registration.zap_id) == zap.id).values(**values)
        )


async def test_the_panel_says_what_is_missing_and_then_the_url(house: House) -> None:
    ada = await house.sign_up()
    zap = await zap_of(house, ada, **GITHUB)
    _, panel = await opened(ada, zap)
    assert (panel.app, panel.url) == ("GitHub", "")
    url = await given(house, ada, secret="s3cret")
    _, panel = await opened(ada, zap)
    assert (panel.url, panel.lacks_token) == (url, True)
    await given(house, ada, token="ghp_t0ken")
    _, panel = await opened(ada, zap)
    assert not panel.lacks_token
    assert "ghp_t0ken" not in str(panel.dict())


async def test_another_app_or_trigger_is_drawn_at_once(house: House) -> None:
    ada = await house.sign_up()
    await given(house, ada, secret="s3cret")
    zap = await zap_of(house, ada, app="github")
    builder, panel = await opened(ada, zap)
    assert panel.url
    assert not panel.lacks_token
    await call(beside(builder, Filling), "fill", "trigger", "app", "slack")
    assert (panel.app, panel.url) == ("Slack", "")
    await call(beside(builder, Filling), "fill", "trigger", "app", "")
    assert (panel.app, panel.url) == ("", "")


async def test_a_place_that_is_none_is_refused_beside_its_field(house: House) -> None:
    ada = await house.sign_up()
    zap = await zap_of(house, ada, **GITHUB)
    builder, _ = await opened(ada, zap)
    await call(beside(builder, Filling), "fill", "trigger", "register_at", "not a repository")
    assert (builder.refused_in, builder.save_state) == ("register_at", "failed")
    assert "owner/repo" in builder.refusal
    await call(beside(builder, Filling), "fill", "trigger", "register_at", "ada/other")
    assert (builder.refused_in, builder.save_state) == ("", "saved")


async def test_a_hook_that_failed_says_why_and_is_tried_again(house: House) -> None:
    ada = await house.sign_up()
    await given(house, ada, secret="s3cret", token="ghp_t0ken")
    zap = await zap_of(house, ada, **GITHUB)
    _, panel = await opened(ada, zap)
    assert (panel.told.word, panel.told.can_retry) == ("On its way", False)
    await came_to(house, zap, status="failed", error="GitHub does not take the token.")
    _, panel = await opened(ada, zap)
    assert (panel.told.look, panel.told.sentence) == ("failed", "GitHub does not take the token.")
    assert panel.told.next_at
    assert panel.told.can_retry
    assert "tried again" in await call(panel, "retry")
    assert panel.told.word == "On its way"
    await came_to(house, zap, status="active", renewed_at=utc_now(), error=None)
    _, panel = await opened(ada, zap)
    assert (panel.told.look, panel.told.next_at) == ("succeeded", "")
    assert "ada/engine: push" in panel.told.sentence
    assert panel.told.checked_at


async def test_what_was_never_told_has_nothing_to_try_again(house: House) -> None:
    ada = await house.sign_up()
    zap = await zap_of(house, ada, app="github")
    _, panel = await opened(ada, zap)
    assert panel.told == Told()
    assert "registered nowhere" in await call(panel, "retry")


async def test_somebody_else_sees_nothing_of_it(house: House) -> None:
    ada, eve = await house.sign_up(), await house.sign_up("eve@example.com")
    await given(house, ada, secret="s3cret")
    zap = await zap_of(house, ada, **GITHUB)
    panel = tab(AppTrigger, eve, f"/zaps/{zap.id}")
    panel.zap = zap.id
    assert "not found" in await call(panel, "retry")
    assert (panel.url, panel.told) == ("", Told())
