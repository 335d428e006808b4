"""Whatever somebody asks of lists and figures is answered or refused, and never breaks them."""

import pytest

from tests.house import House

STRANGE = ["%00", "%ED%A0%80", "%E2%80%AE", "x" * 99, "%27%20OR%201=1", "%25_", "-1", "1e9"]


@pytest.mark.parametrize("value", STRANGE)
async def test_a_strange_value_is_refused_or_finds_nothing(house: House, value: str) -> None:
    ada = await house.sign_up()
    asked = [
        f"/runs?{name}={value}"
        for name in (
            "q",
            "status",
            "zap_id",
            "since",
            "until",
            "failed_step",
            "error_code",
            "cursor",
        )
    ]
    asked += [f"/usage?{name}={value}" for name in ("days", "time_zone", "zap_id")]
    asked += [f"/runs/{value}", f"/runs/{value}/why", f"/runs/{value}/attempts"]
    for path in asked:
        answer = await house.client.get(f"/api/v1{path}", headers=ada.headers)
        assert answer.status_code in {200, 400, 404, 422}, (path, answer.text)
        if answer.status_code == 200:
            assert answer.json().get("data") == [] or answer.json().get("total") == 0, path
        else:
            assert answer.json()["error"]["message"], path
