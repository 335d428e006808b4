"""Options that a form looks up: from the project's zaps and from services, in time or not at all."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from flowforge.actions.sdk import Choice, FatalError, FindContext, Options
from flowforge.errors import Forbidden, Invalid, NotFound
from flowforge.services import option_lists, zaps
from flowforge.services.access import Actor, Role
from flowforge.services.form_shapes import Found
from flowforge.services.option_lists import Prepared
from flowforge.services.step_kinds import new_step
from tests.house import House


async def _two(house: House) -> tuple[Actor, Actor]:
    """Two people in a project of their own each."""
    one, other = await house.sign_up(), await house.sign_up("eve@example.com", "Eve")
    return one.actor, other.actor


async def _zap(house: House, actor: Actor, name: str, **definition: Any) -> str:
    whole = {"trigger": {"kind": "webhook"}, "steps": [], **definition}
    async with house.runtime.db.transaction() as session:
        return (await zaps.create(session, actor, name=name, definition=whole)).id


async def _find(  # noqa: PLR0917 - whose, which control, and what is looked for
    house: House, actor: Actor, zap: str, card: str, field: str, search: str = ""
) -> Found:
    async with house.runtime.db.reading() as session:
        prepared = await option_lists.prepare(
            session, actor, zap, card, field, search, house.runtime.vault
        )
    return await option_lists.find(house.runtime, prepared)


async def test_a_zap_step_offers_the_other_zaps_of_the_project_by_name(house: House) -> None:
    ada, eve = await _two(house)
    orders = await _zap(house, ada, "Orders")
    refunds = await _zap(house, ada, "Refunds")
    foreign = await _zap(house, eve, "Orders of somebody else")
    zap = await _zap(house, ada, "Calls", steps=[{**new_step("it", "zap"), "zap_id": refunds}])
    found = await _find(house, ada, zap, "it", "zap_id")
    assert found.options == ((orders, "Orders"), (refunds, "Refunds"))
    found = await _find(house, ada, zap, "it", "zap_id", "ORD")
    assert found.options == ((orders, "Orders"), (refunds, "Refunds")), "the chosen one stays"
    with pytest.raises(NotFound):
        await _find(house, ada, foreign, "it", "zap_id")


async def test_what_the_chosen_zap_asks_for_becomes_fields_and_a_foreign_one_says_nothing(
    house: House,
) -> None:
    ada, eve = await _two(house)
    fields = [
        {"name": "who", "label": "Your name", "kind": "text", "required": True},
        {"name": "size", "kind": "choice", "options": ["S", "M"]},
    ]
    asking = {"trigger": {"kind": "form", "settings": {"fields": fields}}}
    own, foreign = await _zap(house, ada, "Ask", **asking), await _zap(house, eve, "Ask", **asking)
    plain = await _zap(house, ada, "Plain")
    for target, names in ((own, ["who", "size"]), (foreign, None), (plain, None), ("", None)):
        step = {**new_step("it", "zap"), "zap_id": target}
        zap = await _zap(house, ada, "Calls", steps=[step])
        found = await _find(house, ada, zap, "it", "input")
        assert found.stage == "ready"
        assert (found.schema and list(found.schema["properties"])) == names


async def test_only_who_may_edit_may_ask_and_only_fields_that_have_something_to_ask(
    house: House,
) -> None:
    ada = (await house.sign_up()).actor
    zap = await _zap(house, ada, "Calls", steps=[new_step("it", "zap")])
    with pytest.raises(Invalid, match="no options"):
        await _find(house, ada, zap, "it", "wait")
    with pytest.raises(NotFound):
        await _find(house, ada, zap, "gone", "zap_id")
    with pytest.raises(Forbidden):
        await _find(house, replace(ada, role=Role.VIEWER), zap, "it", "zap_id")


def _polling(url: str, **inputs: Any) -> dict[str, Any]:
    settings = {"trigger": "http_list", "inputs": {"url": url, **inputs}}
    return {"trigger": {"kind": "poll", "settings": settings}}


async def test_a_poll_offers_the_lists_of_an_answer_and_the_fields_of_their_entries(
    house: House, httpserver: HTTPServer
) -> None:
    answer = {"data": {"orders": [{"id": 7, "at": "2026-01-01", "lines": []}]}, "errors": []}
    httpserver.expect_request(
        "/orders", headers={"Authorization": "Bearer s3cret"}
    ).respond_with_json(answer)
    ada = (await house.sign_up()).actor
    given = {"authorization": "Bearer s3cret"}
    zap = await _zap(house, ada, "Polls", **_polling(httpserver.url_for("/orders"), **given))
    found = await _find(house, ada, zap, "trigger", "inputs.items")
    assert [value for value, _ in found.options] == ["data.orders", "errors"], found.trouble
    zap = await _zap(
        house, ada, "Polls", **_polling(httpserver.url_for("/orders"), items="data.orders", **given)
    )
    found = await _find(house, ada, zap, "trigger", "inputs.id_field")
    assert found.options == (("id", "id: 7"), ("at", 'at: "2026-01-01"'))


async def test_why_there_is_nothing_to_choose_from_is_told(
    house: House, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/gone").respond_with_data("no", status=404)
    httpserver.expect_request("/page").respond_with_data("<html>")
    ada = (await house.sign_up()).actor
    for url, said in (
        (httpserver.url_for("/gone"), "404"),
        (httpserver.url_for("/page"), "no JSON"),
        ("not a url", "full URL"),
    ):
        zap = await _zap(house, ada, "Polls", **_polling(url))
        found = await _find(house, ada, zap, "trigger", "inputs.items")
        assert (found.stage, found.options) == ("failed", ())
        assert said in found.trouble
    zap = await _zap(house, ada, "Polls", **_polling(""))
    found = await _find(house, ada, zap, "trigger", "inputs.items")
    assert (found.stage, found.trouble) == ("waiting", "Fill in “Address” first.")


async def _sleeps(_ctx: FindContext, _inputs: Mapping[str, Any]) -> Sequence[Choice]:
    await asyncio.sleep(30)
    return []


async def _breaks(_ctx: FindContext, _inputs: Mapping[str, Any]) -> Sequence[Choice]:
    raise KeyError("a fault of the finder")


async def _refuses(_ctx: FindContext, _inputs: Mapping[str, Any]) -> Sequence[Choice]:
    raise FatalError("The key was not accepted. Make a new one.")


async def _many(ctx: FindContext, inputs: Mapping[str, Any]) -> Sequence[Choice]:
    return [Choice(f"{inputs['prefix']}{ctx.search}{number}") for number in range(500)]


@pytest.mark.parametrize(
    ("finder", "trouble"),
    [
        (_sleeps, "No answer came within 0.2 seconds."),
        (_breaks, "Finding the options broke unexpectedly (KeyError)."),
        (_refuses, "The key was not accepted. Make a new one."),
    ],
)
async def test_whatever_a_service_does_an_answer_comes(
    house: House, finder: Any, trouble: str
) -> None:
    found = await option_lists.find(house.runtime, Prepared("x", "", Options(finder), {}), 0.2)
    assert (found.stage, found.trouble) == ("failed", trouble)


async def test_a_long_list_is_cut_and_says_so(house: House) -> None:
    prepared = Prepared("x", "q", Options(_many), {"prefix": "p"})
    found = await option_lists.find(house.runtime, prepared)
    assert (len(found.options), found.has_more) == (200, True)
    assert found.options[0] == ("pq0", "pq0")
