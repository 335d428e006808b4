"""Every fault of the plan once, under load, on servers of the test's own: the short form of
``python -m bench.chaos``.
"""

import pytest

from bench.chaos.__main__ import parsed, play
from tests import house as building
from tests.chaos import postgres


@pytest.mark.timeout(170)
async def test_each_fault_once_breaks_no_promise() -> None:
    if postgres.programs() is None:
        building.missing("A PostgreSQL of our own", FileNotFoundError("pg_ctl"))
    assert await play(parsed(["--faults", "13", "--short", "--rate", "15"])) == 0
