"""What a code step costs over its own work: ``python -m bench.code``.

Prints milliseconds per call of ``Sandbox.run`` (one after the other, processes warm), calls per
second with 8 at once, the first call of all, and what the processes weigh.
"""

import asyncio
import json
import os
import statistics
import time
from pathlib import Path

from flowforge.sandbox import Sandbox

CALLS = 500
SIDE_BY_SIDE = 8
CODE = "{'total': sum(line['price'] for line in inputs['lines'])}"
INPUTS = {"lines": [{"price": n} for n in range(20)]}


async def measure() -> None:
    sandbox = Sandbox()
    try:
        first = await _timed(sandbox)
        each = sorted([await _timed(sandbox) for _ in range(CALLS)])
        began = time.perf_counter()
        for _ in range(CALLS // SIDE_BY_SIDE):
            await asyncio.gather(*(_timed(sandbox) for _ in range(SIDE_BY_SIDE)))
        per_second = CALLS // SIDE_BY_SIDE * SIDE_BY_SIDE / (time.perf_counter() - began)
        found = {
            "test": "code",
            "first_ms": round(first, 1),
            "p50_ms": round(statistics.median(each), 2),
            "p95_ms": round(each[int(CALLS * 0.95)], 2),
            "calls_per_s": round(per_second),
            "processes_mb": _weights(),
        }
    finally:
        await sandbox.close()
    print(json.dumps(found))


async def _timed(sandbox: Sandbox) -> float:
    began = time.perf_counter()
    done = await sandbox.run(CODE, INPUTS, timeout_seconds=5)
    assert done.value == {"total": 190}
    return (time.perf_counter() - began) * 1000


def _weights() -> list[int]:
    """Resident megabytes of each process of the sandbox."""
    found = []
    for thread in Path(f"/proc/{os.getpid()}/task").iterdir():
        for pid in (thread / "children").read_text().split():
            pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
            found.append(pages * os.sysconf("SC_PAGE_SIZE") // 1024 // 1024)
    return found


if __name__ == "__main__":
    asyncio.run(measure())
