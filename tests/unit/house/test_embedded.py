"""Where the embedded Redis is put, and what happens where there is none."""

from pathlib import Path

import pytest

from flowforge.config import Settings
from flowforge.infra import embedded
from flowforge.infra.supervisor import LONGEST_WAIT_SECONDS, wait_seconds


def _socket(plan: embedded.EmbeddedRedis) -> str:
    return plan.command[plan.command.index("--unixsocket") + 1]


def test_a_redis_that_was_set_is_the_one_that_is_used(tmp_path: Path) -> None:
    assert embedded.prepare(Settings(data_dir=tmp_path, redis_url="redis://somewhere")) is None


def test_without_a_server_there_is_nothing_to_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "executable", lambda: None)
    assert embedded.prepare(Settings(data_dir=tmp_path)) is None


@pytest.mark.skipif(embedded.executable() is None, reason="no redis-server on this machine")
def test_a_socket_path_that_is_too_long_moves_to_the_temporary_directory(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    plan = embedded.prepare(Settings(data_dir=deep))
    assert plan is not None
    assert len(_socket(plan)) <= embedded.LONGEST_SOCKET_PATH
    assert not Path(_socket(plan)).is_relative_to(tmp_path)
    assert Path(_socket(plan)).parent.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(("crashes", "seconds"), [(0, 0.5), (1, 0.5), (2, 1.0), (3, 2.0)])
def test_a_crashing_service_is_started_ever_more_slowly(crashes: int, seconds: float) -> None:
    assert wait_seconds(crashes) == seconds


def test_the_wait_before_a_restart_has_an_end() -> None:
    assert wait_seconds(10_000) == LONGEST_WAIT_SECONDS
