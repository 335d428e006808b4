"""What is there at the start is walked no more, and later cycles are collected all the same."""

import subprocess
import sys

TOLD = """
import gc, weakref
from flowforge.infra import heap

class Link:
    pass

heap.settle()
assert gc.get_freeze_count() > 1_000 and gc.isenabled()
first = Link()
first.itself = first
seen = weakref.ref(first)
del first
filler = [[] for _ in range(3 * heap.YOUNGEST)]
assert seen() is None, "nobody collected it"
"""


def test_cycles_that_work_leaves_behind_are_collected() -> None:
    subprocess.run([sys.executable, "-c", TOLD], check=True, timeout=60)
