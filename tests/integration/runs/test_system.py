"""Health, readiness and figures."""

from pathlib import Path

import httpx
import pytest

from flowforge.api.app import create_app
from flowforge.infra.runtime import open_runtime
from tests import zapping
from tests.house import GivenSettings, House


async def test_a_ready_house_says_what_it_stands_on(house: House) -> None:
    assert (await house.client.get("/health")).json() == {"status": "ok"}
    answer = await house.client.get("/ready")
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ready",
        "database": "ok",
        "queue": {"redis": "ok", "due": 0, "waiting": 0},
    }


@pytest.mark.parametrize("changes", [{"redis_url": "redis://127.0.0.1:1/0"}])
async def test_a_house_without_redis_is_ready_all_the_same(house: House) -> None:
    answer = await house.client.get("/ready")
    assert (answer.status_code, answer.json()["queue"]["redis"]) == (200, "away")


@pytest.mark.parametrize(
    "url",
    ["sqlite:///{folder}/empty.db", "postgresql://nobody@127.0.0.1:1/none"],
)
async def test_a_house_without_its_tables_is_not_ready_but_alive(url: str, tmp_path: Path) -> None:
    settings = GivenSettings(
        data_dir=tmp_path,
        database_url=url.format(folder=tmp_path),
        secret_key="a secret key for tests only, long enough",
        encryption_key="an encryption key for tests only, long enough",
    )
    async with open_runtime(settings) as runtime:
        transport = httpx.ASGITransport(app=create_app(lambda: runtime))
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            assert (await client.get("/health")).status_code == 200
            answer = await client.get("/ready")
    assert answer.status_code == 503
    assert answer.json()["status"] == "not ready"


async def test_figures_are_for_this_machine_only(house: House) -> None:
    ada = await house.sign_up()
    zap = await zapping.published(house, ada, {"id": "end", "kind": "stop"})
    await house.client.post(zapping.path_of(zap), json={})
    answer = await house.client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    assert "flowforge_queue_depth 1.0" in answer.text
    assert 'flowforge_runs_last_hour{status="queued"} 1.0' in answer.text
    forwarded = await house.client.get("/metrics", headers={"X-Forwarded-For": "127.0.0.1"})
    assert forwarded.status_code == 404
    stranger = httpx.ASGITransport(app=house.app, client=("203.0.113.9", 1))
    async with httpx.AsyncClient(transport=stranger, base_url="http://x") as client:
        assert (await client.get("/metrics")).status_code == 404
        assert (await client.get("/ready")).status_code == 200


@pytest.mark.parametrize("changes", [{"trusted_proxies": "127.0.0.0/8"}])
async def test_figures_stay_closed_behind_a_trusted_proxy(house: House) -> None:
    stranger = await house.client.get("/metrics", headers={"X-Forwarded-For": "203.0.113.9"})
    assert stranger.status_code == 404
    assert (await house.client.get("/metrics")).status_code == 200
