"""Failpoints: what orders mean, that each name stands where it says, and nowhere twice."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowforge.infra import failpoints
from flowforge.infra.failpoints import CATALOGUE, FailpointError, arm, reach

ROOT = Path(__file__).parents[3]
NAME = "settle.after_commit"


@pytest.fixture(autouse=True)
def _disarmed() -> Iterator[None]:
    yield
    arm("")


def hits(times: int, name: str = NAME) -> list[int]:
    """At which of so many visits an error came."""
    found = []
    for visit in range(1, times + 1):
        try:
            reach(name)
        except FailpointError:
            found.append(visit)
    return found


def test_without_orders_nothing_happens() -> None:
    arm("")
    assert hits(3) == []


def test_an_order_is_carried_out_the_nth_time_and_never_again() -> None:
    arm(f"{NAME}:3=error")
    assert hits(9) == [3]


def test_without_a_number_it_is_the_first_time() -> None:
    arm(f"{NAME}=error")
    assert hits(3) == [1]


def test_a_star_is_every_time() -> None:
    arm(f"{NAME}:*=error")
    assert hits(3) == [1, 2, 3]


def test_chance_is_repeatable_with_a_seed() -> None:
    arm(f"seed=7, {NAME}:*0.3=error")
    first = hits(100)
    arm(f"seed=7, {NAME}:*0.3=error")
    assert hits(100) == first
    assert 10 < len(first) < 50


def test_each_place_has_a_count_of_its_own() -> None:
    arm(f"{NAME}:2=error, claim.after_commit:1=error")
    reach(NAME)
    assert hits(2, "claim.after_commit") == [1]
    assert hits(2) == [1]


def test_a_dropped_connection_looks_like_one() -> None:
    arm(f"{NAME}=drop")
    with pytest.raises(ConnectionResetError):
        reach(NAME)


def test_a_pause_stops_the_whole_process() -> None:
    arm(f"{NAME}=pause:0.05")
    began = time.monotonic()
    reach(NAME)
    assert time.monotonic() - began >= 0.05


@pytest.mark.parametrize(("action", "code"), [("kill", -9), ("exit", failpoints.EXIT_CODE)])
def test_the_process_dies_on_the_spot(action: str, code: int) -> None:
    said = (
        "from flowforge.infra.failpoints import arm, reach; arm(); reach('perform.after'); print(1)"
    )
    done = subprocess.run(
        [sys.executable, "-c", said],
        cwd=ROOT,
        env={failpoints.ENVIRONMENT: f"perform.after={action}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code
    assert done.stdout.splitlines()[-1:] != ["1"]


@pytest.mark.parametrize(
    ("orders", "named"),
    [
        ("settle.later=kill", "no failpoint"),
        ("settle.after_commit", "looks like"),
        ("settle.after_commit=explode", "looks like"),
        ("settle.after_commit:0=kill", "looks like"),
        ("settle.after_commit:*2=kill", "looks like"),
        ("settle.after_commit=pause", "looks like"),
        ("seed=x", "looks like"),
    ],
)
def test_an_order_that_cannot_be_understood_stops_the_start(orders: str, named: str) -> None:
    with pytest.raises(SystemExit, match=named):
        arm(orders)


def test_the_commands_refuse_such_an_order_before_anything_is_opened() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "flowforge", "worker"],
        cwd=ROOT,
        env={failpoints.ENVIRONMENT: "settle.later=kill"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("Cannot start: FLOWFORGE_FAIL names 'settle.later'")


def test_each_name_of_the_catalogue_stands_in_the_code_exactly_once() -> None:
    found = [
        name
        for path in sorted((ROOT / "flowforge").rglob("*.py"))
        for name in re.findall(r'\breach\(\s*"([^"]+)"', path.read_text())
    ]
    assert sorted(found) == sorted(CATALOGUE)
