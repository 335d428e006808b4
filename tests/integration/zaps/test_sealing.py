"""Secrets of a trigger: sealed for their zap, shown to nobody, kept by what is saved again."""

import hashlib
import hmac
from typing import Any

import pytest
from sqlalchemy import select
from sqlmodel import col

from flowforge.engine.triggers import Verify
from flowforge.models import Version, Zap
from flowforge.services import sealing
from tests.house import Account, House
from tests.integration.zaps.test_zaps import HOOK, made

SECRET = "T0P5ECRET-of-ada"


def verified(**verify: Any) -> dict[str, Any]:
    given = {"scheme": "github", "secret": SECRET} | verify
    return {**HOOK, "trigger": {"kind": "webhook", "settings": {"verify": given}}}


def of(zap: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = zap["definition"]["trigger"]["settings"]["verify"]
    return found


async def saved(house: House, ada: Account, zap: dict[str, Any], definition: Any) -> Any:
    path = f"/api/v1/zaps/{zap['id']}/draft"
    revision = (await house.client.get(path, headers=ada.headers)).json()["revision"]
    body = {"revision": revision, "definition": definition}
    return await house.client.put(path, json=body, headers=ada.headers)


async def test_no_secret_is_stored_or_shown_as_it_was_typed(house: House) -> None:
    ada = await house.sign_up()
    definition = verified(secrets=[f"{SECRET}-2"], verify_token=f"{SECRET}-3")
    zap = await made(house, ada, definition=definition)
    answers = [await saved(house, ada, zap, {**definition, "notes": "x"})]
    for method, path in (
        ("POST", "/publish"), ("GET", ""), ("GET", "/draft"), ("GET", "/versions"),
        ("GET", "/versions/1"), ("GET", "/export"), ("POST", "/versions/1/restore"),
        ("GET", "/versions/1/diff/draft"), ("POST", "/duplicate"),
    ):  # fmt: skip
        url = f"/api/v1/zaps/{zap['id']}{path}"
        answers.append(await house.client.request(method, url, headers=ada.headers))
    for answer in answers:
        assert answer.status_code < 300, answer.text
        assert SECRET not in answer.text
    async with house.db.reading() as session:
        rows = [*(await session.scalars(select(Zap))), *(await session.scalars(select(Version)))]
        for row in rows:
            assert SECRET not in repr(row.model_dump())
        (stored,) = await session.scalars(select(Zap).where(col(Zap.id) == zap["id"]))
        found = Verify.model_validate(stored.trigger["settings"]["verify"])
    opened = sealing.opened(found, zap["id"], house.runtime.vault)
    assert (opened.secret, opened.secrets) == (SECRET, (f"{SECRET}-2",))
    assert opened.verify_token == f"{SECRET}-3"


async def test_what_is_saved_again_is_no_change(house: House) -> None:
    ada = await house.sign_up()
    zap = await made(house, ada, definition=verified())
    sealed = of(zap)["secret"]
    assert sealed.startswith("sealed:v1.")
    for again in (zap["definition"], verified()):
        answer = await saved(house, ada, zap, again)
        assert answer.status_code == 200, answer.text
        assert of(answer.json())["secret"] == sealed
    changed = await saved(house, ada, zap, verified(secret="another"))
    assert of(changed.json())["secret"] != sealed


async def test_what_was_sealed_for_another_zap_is_refused(house: House) -> None:
    ada = await house.sign_up()
    one = await made(house, ada, definition=verified())
    other = await made(house, ada)
    for wrong in (of(one)["secret"], "sealed:v1.x.y", "sealed:"):
        answer = await saved(house, ada, other, verified(secret=wrong))
        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (422, "foreign_secret")
        assert error["details"][0]["path"] == "trigger.settings.verify.secret"


async def test_a_copy_has_the_secret_sealed_anew(house: House) -> None:
    ada = await house.sign_up()
    zap = await made(house, ada, definition=verified())
    answer = await house.client.post(f"/api/v1/zaps/{zap['id']}/duplicate", headers=ada.headers)
    copy = answer.json()
    assert of(copy)["secret"] != of(zap)["secret"]
    found = Verify.model_validate(of(copy))
    assert sealing.opened(found, copy["id"], house.runtime.vault).secret == SECRET


async def test_a_file_says_what_was_left_out(house: House) -> None:
    ada = await house.sign_up()
    zap = await made(house, ada, definition=verified(secrets=["x"], verify_token="y"))
    file = await house.client.get(f"/api/v1/zaps/{zap['id']}/export", headers=ada.headers)
    assert "sealed:" not in file.text
    assert [each["path"] for each in file.json()["fill_in"]] == [
        "trigger.settings.verify.secret",
        "trigger.settings.verify.verify_token",
    ]
    answer = await house.client.post("/api/v1/zaps/import", json=file.json(), headers=ada.headers)
    assert answer.status_code == 201, answer.text
    second = await house.client.get(
        f"/api/v1/zaps/{answer.json()['id']}/export", headers=ada.headers
    )
    assert second.text == file.text
    typed = {**file.json(), "definition": verified()}
    imported = await house.client.post("/api/v1/zaps/import", json=typed, headers=ada.headers)
    assert of(imported.json())["secret"].startswith("sealed:v1.")


@pytest.mark.parametrize(
    ("verify", "path"),
    [
        ({"secret": ""}, "trigger.settings.verify.secret"),
        ({"scheme": "header"}, "trigger.settings.verify.header"),
        ({"scheme": "basic"}, "trigger.settings.verify.username"),
        ({"scheme": "hmac", "header": "X", "template": "x"}, "trigger.settings.verify.template"),
    ],
)
async def test_what_could_never_be_verified_is_not_published(
    house: House, verify: dict[str, Any], path: str
) -> None:
    ada = await house.sign_up()
    zap = await made(house, ada, definition=verified(**verify))
    answer = await house.client.post(f"/api/v1/zaps/{zap['id']}/publish", headers=ada.headers)
    assert answer.status_code == 422
    assert path in [each["path"] for each in answer.json()["error"]["details"]]


@pytest.mark.parametrize(
    "verify",
    [
        {"scheme": SECRET},
        {"tolerance_seconds": SECRET},
        {"secret": [SECRET]},
        {"secret": SECRET * 400},
        {SECRET[:9]: 1, "secret": SECRET},
        {"secrets": [SECRET] * 11},
    ],
)
async def test_no_refusal_repeats_a_secret(house: House, verify: dict[str, Any]) -> None:
    ada = await house.sign_up()
    zap = await made(house, ada)
    answer = await saved(house, ada, zap, verified(**verify))
    assert answer.status_code == 422
    assert SECRET not in answer.text


async def test_a_pasted_request_is_judged_and_no_signature_is_told(house: House) -> None:
    ada = await house.sign_up()
    zap = await made(house, ada, definition=verified())
    url = f"/api/v1/zaps/{zap['id']}/verify-sample"
    good = hmac.new(SECRET.encode(), b"{}", hashlib.sha256).hexdigest()
    headers = {"X-Hub-Signature-256": f"sha256={good}", "X-GitHub-Delivery": "d-1"}

    async def tried(**body: Any) -> Any:
        return await house.client.post(url, json=body, headers=ada.headers)

    believed = (await tried(headers=headers, body="{}")).json()
    assert (believed["ok"], believed["dedupe_key"]) == (True, "github:d-1")
    assert (await tried(headers=list(headers.items()), body_base64="e30=")).json()["ok"]
    refused = await tried(headers={"X-Hub-Signature-256": "sha256=00"}, body="{}")
    assert (refused.json()["ok"], refused.json()["signature_ok"]) == (False, False)
    assert good not in refused.text
    assert SECRET not in refused.text
    given = {"scheme": "slack", "secret": "s"}
    old = hmac.new(b"s", b"v0:1531420618:{}", hashlib.sha256).hexdigest()
    slack = {"X-Slack-Request-Timestamp": "1531420618", "X-Slack-Signature": f"v0={old}"}
    aged = (await tried(verify=given, headers=slack, body="{}")).json()
    assert (aged["ok"], aged["signature_ok"]) == (False, True)
    assert "too old" in aged["reason"]
    graph = {"scheme": "ms_graph", "secret": "s"}
    asked = (await tried(verify=graph, url="https://x/?validationToken=a")).json()
    assert (asked["handshake"], asked["answer_status"]) == (True, 200)
    for wrong in (
        {"verify": {"scheme": "nothing"}}, {"url": "https://[::1/"}, {"body_base64": "*"},
        {"method": "X"}, {"more": 1},
        {"verify": {"scheme": "github", "secret": "sealed:v1.a.b"}},
    ):  # fmt: skip
        body = (await house.client.post(url, json=wrong, headers=ada.headers)).status_code
        assert body == 422, wrong
    plain = await made(house, ada)
    bare = await house.client.post(
        f"/api/v1/zaps/{plain['id']}/verify-sample", json={}, headers=ada.headers
    )
    assert (bare.status_code, bare.json()["error"]["details"][0]["path"]) == (422, "verify")
