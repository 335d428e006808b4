"""A zap's hook at GitHub: made at publishing, kept in order, removed with what wanted it."""

import datetime as dt

import pytest

from flowforge.infra.failpoints import FailpointError, arm
from flowforge.jobs.registrar import Registrar
from flowforge.services import versions, zaps
from tests.house import House
from tests.integration.ingest.inbox import all_events
from tests.integration.registrations.registering import (
    REPLY,
    SECRET,
    SOURCE,
    connected,
    due_again,
    put,
    registered,
    republished,
    row_of,
    shown,
    sources,
    switched,
    trigger,
    turned,
)
from tests.servers.github import REPOSITORY, TOKEN, FakeGitHub
from tests.zapping import events_of, published

PUSH = {"ref": "refs/heads/main"}


async def test_publishing_registers_a_hook(house: House, github: FakeGitHub) -> None:
    ada = await connected(house)
    zap = await registered(house, ada)
    (source,) = await sources(house)
    assert github.hook["config"] == {
        "url": f"http://localhost:3000/hooks/apps/{source.id}?zap={zap.id}",
        "content_type": "json",
        "insecure_ssl": "0",
        "secret": SECRET,
    }
    assert (github.hook["active"], github.hook["events"]) == (True, ["push"])
    said = await shown(house, ada, zap)
    assert (said["status"], said["at"], said["events"]) == ("active", REPOSITORY, ["push"])
    assert said["external_id"] == str(github.hook["id"])
    assert said["sentence"] == "GitHub sends this zap what happens at ada/engine: push."
    assert said["error"] is None
    until = dt.datetime.fromisoformat(said["due_at"]) - dt.datetime.now(dt.UTC)
    assert dt.timedelta(hours=21) < until < dt.timedelta(hours=27)


async def test_before_its_turn_it_is_pending(house: House, github: FakeGitHub) -> None:
    ada = await connected(house)
    zap = await published(
        house,
        ada,
        REPLY,
        trigger={"kind": "app", "settings": {"app": "github", "register_at": REPOSITORY}},
    )
    said = await shown(house, ada, zap)
    assert (said["status"], said["sentence"]) == (
        "pending",
        "GitHub is about to be told at ada/engine.",
    )
    assert github.calls == []


async def test_fifty_publishes_make_one_hook(house: House, github: FakeGitHub) -> None:
    ada = await connected(house)
    zap = await registered(house, ada)
    for number in range(50):
        async with house.db.transaction() as session:
            held = await zaps.locked(session, ada.actor, zap.id)
            steps = [REPLY | {"body": f"{number}"}]
            await zaps.redraft(session, held, held.draft | {"steps": steps})
            assert (await versions.publish(session, ada.actor, zap.id)).number == number + 2
        await turned(house)
    assert github.counted == {"GET": 1, "POST": 1}
    assert (await row_of(house, zap)).revision == 1


async def test_other_events_change_the_hook_that_is_there(house: House, github: FakeGitHub) -> None:
    ada = await connected(house)
    zap = await registered(house, ada)
    before = github.hook["id"]
    await republished(house, ada, zap, event="*")
    await turned(house)
    assert (github.hook["id"], github.hook["events"]) == (before, ["*"])
    assert github.hook["config"]["secret"] == SECRET
    assert github.counted["POST"] == github.counted["PATCH"] == 1


async def test_another_repository_takes_the_hook_with_it(house: House, github: FakeGitHub) -> None:
    github.repositories["ada/notes"] = {}
    ada = await connected(house)
    zap = await registered(house, ada)
    await republished(house, ada, zap, register_at="ada/notes")
    await turned(house)
    assert {name: len(hooks) for name, hooks in github.repositories.items()} == {
        "ada/engine": 0,
        "ada/notes": 1,
    }


async def test_off_removes_it_and_on_makes_it_again(house: House, github: FakeGitHub) -> None:
    ada = await connected(house)
    zap = await registered(house, ada)
    await switched(house, ada, zap, on=False)
    assert (await shown(house, ada, zap))["sentence"] == (
        "The hook at ada/engine is about to be removed."
    )
    await turned(house)
    assert github.hooks == []
    said = await shown(house, ada, zap)
    assert (said["status"], said["at"], said["due_at"]) == ("removed", None, None)
    await switched(house, ada, zap, on=True)
    await turned(house)
    assert (await shown(house, ada, zap))["external_id"] == str(github.hook["id"])


async def test_off_and_on_before_its_turn_changes_nothing(house: House, github: FakeGitHub) -> None:
    ada = await connected(house)
    zap = await registered(house, ada)
    for on in (False, True):
        await switched(house, ada, zap, on=on)
    await turned(house)
    assert github.counted == {"GET": 2, "POST": 1}
    assert (await shown(house, ada, zap))["status"] == "active"


async def test_deleting_the_zap_and_another_trigger_remove_it(
    house: House, github: FakeGitHub
) -> None:
    ada = await connected(house)
    one, other = await registered(house, ada), await registered(house, ada)
    assert len(github.hooks) == 2
    async with house.db.transaction() as session:
        await zaps.delete(session, ada.actor, one.id)
        held = await zaps.locked(session, ada.actor, other.id)
        await zaps.redraft(session, held, {"trigger": {"kind": "webhook"}, "steps": [REPLY]})
        await versions.publish(session, ada.actor, other.id)
    await turned(house)
    assert github.hooks == []


async def test_a_transaction_that_is_rolled_back_wants_nothing(
    house: House, github: FakeGitHub
) -> None:
    ada = await connected(house)
    zap = await registered(house, ada)
    arm("transaction.before_commit=error")
    try:
        with pytest.raises(FailpointError):
            await switched(house, ada, zap, on=False)
    finally:
        arm("")
    await turned(house)
    assert len(github.hooks) == 1
    assert github.counted["GET"] == 1


async def test_what_is_due_for_renewal_is_looked_at_and_left(
    house: House, github: FakeGitHub
) -> None:
    ada = await connected(house)
    zap = await registered(house, ada)
    first = await row_of(house, zap)
    await due_again(house)
    await turned(house)
    assert github.counted == {"GET": 2, "POST": 1}
    row = await row_of(house, zap)
    assert row.renewed_at is not None
    assert first.renewed_at is not None
    assert row.renewed_at > first.renewed_at


async def test_renewal_mends_what_somebody_did_at_github(house: House, github: FakeGitHub) -> None:
    ada = await connected(house)
    zap = await registered(house, ada)
    hooks = github.repositories[REPOSITORY]
    hooks.clear()
    await due_again(house)
    await turned(house)
    assert (await row_of(house, zap)).external_id == str(github.hook["id"])
    for change in ({"active": False}, {"events": ["issues"]}):
        github.hook.update(change)
        await due_again(house)
        await turned(house)
        assert (github.hook["active"], github.hook["events"]) == (True, ["push"])
    github.hook["config"] |= {"content_type": "form", "insecure_ssl": "1"}
    await due_again(house)
    await turned(house)
    assert (github.hook["config"]["content_type"], github.hook["config"]["insecure_ssl"]) == (
        "json",
        "0",
    )
    assert github.counted["POST"] == 2


async def test_hooks_of_others_are_left_alone(house: House, github: FakeGitHub) -> None:
    hooks = github.repositories[REPOSITORY]
    for number in range(130):
        url = f"https://ci.example.com/{number}"
        hooks[number + 1] = {
            "id": number + 1,
            "active": True,
            "events": ["push"],
            "config": {"url": url},
        }
    ada = await connected(house)
    zap = await registered(house, ada)
    assert len(hooks) == 131
    await due_again(house)
    await turned(house)
    await switched(house, ada, zap, on=False)
    await turned(house)
    assert list(hooks) == list(range(1, 131))
    assert github.counted["POST"] == github.counted["DELETE"] == 1


async def test_another_secret_is_told_to_every_hook(house: House, github: FakeGitHub) -> None:
    ada = await connected(house)
    for _ in range(2):
        await registered(house, ada)
    ids = {hook["id"] for hook in github.hooks}
    await put(house, ada, secret="a newer one", secrets=[SECRET])
    await turned(house)
    assert {hook["config"]["secret"] for hook in github.hooks} == {"a newer one"}
    assert {hook["id"] for hook in github.hooks} == ids
    assert github.counted["PATCH"] == 2
    await due_again(house)
    await turned(house)
    assert github.counted["PATCH"] == 2


async def test_another_token_keeps_secret_and_url(house: House, github: FakeGitHub) -> None:
    ada = await connected(house)
    zap = await registered(house, ada)
    github.tokens = {"ghp_another"}
    said = await put(house, ada, token="ghp_another")
    assert (said["secrets"], said["has_token"]) == (1, True)
    await turned(house)
    assert (await shown(house, ada, zap))["status"] == "active"
    assert github.counted == {"GET": 2, "POST": 1}


async def test_without_its_source_a_hook_is_taken_back_all_the_same(
    house: House, github: FakeGitHub
) -> None:
    ada = await connected(house)
    zap = await registered(house, ada)
    gone = await house.client.delete(SOURCE, headers=ada.headers)
    assert gone.status_code == 204
    await turned(house)
    assert github.hooks == []
    said = await shown(house, ada, zap)
    assert (said["status"], said["due_at"]) == ("failed", None)
    assert said["error"] == "GitHub has no secret here. Give it under Apps, with a token."
    await put(house, ada, secret="a newer one", token=TOKEN)
    await turned(house)
    assert github.hook["config"]["secret"] == "a newer one"
    assert (await row_of(house, zap)).sealed_token is None


async def test_what_the_hook_brings_starts_its_zap_alone(house: House, github: FakeGitHub) -> None:
    ada = await connected(house)
    zap = await registered(house, ada)
    other = await registered(house, ada, event="*")
    plain = await published(
        house, ada, REPLY, trigger={"kind": "app", "settings": {"app": "github"}}
    )
    mine = next(hook for hook in github.hooks if hook["config"]["url"].endswith(zap.id))
    path, request = github.delivery(mine, "push", PUSH)
    assert (await house.client.post(path, **request)).json() == {"events": 1}
    assert (await house.client.post(path, **request)).json() == {"events": 0}
    assert [event.verdict for event in await events_of(house, zap)] == ["accepted", "duplicate"]
    assert await events_of(house, other) == await events_of(house, plain) == []
    # What comes for everybody is not for those that have a hook of their own.
    for_all, request = github.delivery(mine, "push", PUSH)
    answer = await house.client.post(for_all.partition("?")[0], **request)
    assert answer.json() == {"events": 1}
    assert len(await events_of(house, plain)) == 1


async def test_the_greeting_of_a_new_hook_starts_nothing(house: House, github: FakeGitHub) -> None:
    ada = await connected(house)
    await registered(house, ada, event="*")
    path, request = github.delivery(github.hook, "ping", {"zen": "Design for failure."})
    answer = await house.client.post(path, **request)
    assert (answer.status_code, answer.json()) == (200, {"events": 0})
    (source,) = await sources(house)
    assert (source.unrouted, await all_events(house)) == (0, [])


async def test_events_for_no_zap_of_the_project_are_counted(
    house: House, github: FakeGitHub
) -> None:
    ada = await connected(house)
    eve = await house.sign_up("eve@example.com", "Eve")
    zap = await registered(house, ada)
    await put(house, eve, secret=SECRET, token=TOKEN)
    foreign = await registered(house, eve)
    mine = next(hook for hook in github.hooks if hook["config"]["url"].endswith(zap.id))
    path, request = github.delivery(mine, "push", PUSH)
    whole = path.partition("?")[0]
    odd = [foreign.id, "%00", "nothing", "", f"{zap.id}&zap={zap.id}", "x" * 3000, "%ff"]
    for zap_id in odd:
        answer = await house.client.post(f"{whole}?zap={zap_id}", **request)
        assert (answer.status_code, answer.json()) == (200, {"events": 0}), zap_id
    source = next(one for one in await sources(house) if one.project_id == ada.project_id)
    assert (source.unrouted, await all_events(house)) == (len(odd), [])


async def test_two_workers_at_once_make_one_hook(house: House, github: FakeGitHub) -> None:
    ada = await connected(house)
    github.delay_seconds = 0.1
    zap = await published(
        house,
        ada,
        REPLY,
        trigger=trigger(),
    )
    workers = [Registrar(house.runtime), Registrar(house.runtime)]
    for worker in workers * 2:
        await worker.look()
    for worker in workers:
        await turned(house, worker)
    assert github.counted == {"GET": 1, "POST": 1}
    assert (await shown(house, ada, zap))["status"] == "active"


async def test_what_changes_while_a_worker_is_at_it_is_seen_to_next(
    house: House, github: FakeGitHub
) -> None:
    ada = await connected(house)
    github.delay_seconds = 0.2
    zap = await published(
        house,
        ada,
        REPLY,
        trigger=trigger(),
    )
    worker = Registrar(house.runtime)
    assert await worker.look()
    await switched(house, ada, zap, on=False)
    await turned(house, worker)
    assert github.hooks == []
    assert (await shown(house, ada, zap))["status"] == "removed"
