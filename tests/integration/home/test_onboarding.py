"""The first steps: each tick is a fact, and what was ended comes back never."""

from flowforge.services import onboarding, zaps
from flowforge.services.onboarding import FirstSteps
from tests.house import Account, House
from tests.zapping import ended, path_of, working

FILTER = {"id": "any", "kind": "filter", "name": "All", "when": {"any": []}}


async def _steps(house: House, who: Account) -> FirstSteps | None:
    async with house.db.reading() as session:
        return await onboarding.of(session, who.actor)


async def test_each_step_is_ticked_by_what_there_is(house: House) -> None:
    ada = await house.sign_up()
    assert await _steps(house, ada) == FirstSteps(
        has_zap=False, has_event=False, is_published=False, run_id="", zap_id="", curl=""
    )
    definition = {"trigger": {"kind": "webhook"}, "steps": [FILTER]}
    async with house.db.transaction() as session:
        zap = await zaps.create(session, ada.actor, name="First", definition=definition)
    found = await _steps(house, ada)
    assert found is not None
    assert (found.has_zap, found.has_event, found.zap_id) == (True, False, zap.id)
    assert zap.webhook_url in found.curl

    # Before it is published the request is kept, and its sender learns nothing.
    await house.client.post(path_of(zap), json={"name": "Ada"})
    found = await _steps(house, ada)
    assert found is not None
    assert (found.has_event, found.is_published) == (True, False)

    await house.client.post(f"/api/v1/zaps/{zap.id}/publish", headers=ada.headers)
    found = await _steps(house, ada)
    assert found is not None
    assert (found.is_published, found.run_id, found.is_complete) == (True, "", False)

    async with working(house):
        sent = await house.client.post(path_of(zap), json={"name": "Ada"})
        run = await ended(house, sent.json()["zapRunId"])
    found = await _steps(house, ada)
    assert found is not None
    assert found.run_id == run.id
    assert found.is_complete


async def test_what_one_person_ended_is_ended_for_them_alone_and_for_good(house: House) -> None:
    ada = await house.sign_up()
    grace = await house.sign_up("grace@example.com", "Grace")
    async with house.db.transaction() as session:
        await onboarding.end(session, ada.actor)
    assert await _steps(house, ada) is None
    async with house.db.transaction() as session:
        await zaps.create(session, ada.actor, name="Another")
    assert await _steps(house, ada) is None
    theirs = await _steps(house, grace)
    assert theirs is not None
    assert not theirs.has_zap


async def test_the_line_reaches_the_newest_zap_that_a_webhook_fires(house: House) -> None:
    ada = await house.sign_up()
    manual = {"trigger": {"kind": "manual"}, "steps": []}
    async with house.db.transaction() as session:
        first = await zaps.create(session, ada.actor, name="Hooked")
        gone = await zaps.create(session, ada.actor, name="Gone")
        await zaps.delete(session, ada.actor, gone.id)
        await zaps.create(session, ada.actor, name="By hand", definition=manual)
    found = await _steps(house, ada)
    assert found is not None
    assert found.zap_id == first.id


async def test_looking_costs_two_statements_and_one_once_ended(house: House) -> None:
    ada = await house.sign_up()
    with house.counted_statements() as count:
        await _steps(house, ada)
    before = count.number
    async with house.db.transaction() as session:
        await onboarding.end(session, ada.actor)
    with house.counted_statements() as count:
        await _steps(house, ada)
    assert before - count.number == 1
