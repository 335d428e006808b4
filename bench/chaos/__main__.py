"""``python -m bench.chaos --faults 400 --seed 1``: load, faults, and a ledger that must agree.

Starts servers of its own (PostgreSQL's and Redis' programs must be here), three workers and two
processes for webhooks. Faults of servers follow one another at random moments; beside them go those
from outside. Prints a table in Markdown; ends with 1 if one promise was broken.
"""

import argparse
import asyncio
import os
import platform
import random
import sys
import time
from pathlib import Path

from bench.chaos import checks, report
from bench.chaos.faults import FAULTS, Fault, Recovery
from bench.chaos.load import Load
from bench.chaos.mischief import Mischief
from bench.chaos.stage import Stage, open_stage
from flowforge.infra.db import new_id

CYCLE = 50
GAP_SECONDS = 0.5
FAULT_SECONDS = 240.0

Results = list[tuple[str, Recovery]]


def main() -> None:
    sys.exit(asyncio.run(play(parsed(sys.argv[1:]))))


def parsed(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faults", type=int, default=400)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--rate", type=float, default=50.0, help="events a second")
    parser.add_argument("--minutes", type=float, default=60.0, help="no new cycle after these")
    parser.add_argument("--only", default="", help="such as F1,F5")
    parser.add_argument("--short", action="store_true", help="no long outages, no figures")
    parser.add_argument("--keep", type=Path, help="a folder for logs and books")
    return parser.parse_args(words)


async def play(arguments: argparse.Namespace) -> int:
    """The exit code: 1 where a promise was broken."""
    print(f"seed {arguments.seed}", flush=True)
    began = time.monotonic()
    results: Results = []
    async with open_stage(arguments.seed, arguments.keep) as stage:
        load, mischief = Load(stage, arguments.rate), Mischief(stage)
        figures = {} if arguments.short else await _figures(stage)
        for cycle in _cycles(arguments, mischief):
            if time.monotonic() - began > arguments.minutes * 60:
                break
            wrong = await _cycle(stage, load, mischief, cycle, results)
            if wrong:
                print(f"\n{len(wrong)} VIOLATIONS, seed {arguments.seed}")
                print("\n".join(report.few_of_each(wrong)), flush=True)
                return 1
        figures |= await report.last_figures(stage, load, mischief)
        if not arguments.short:
            figures |= {
                f"busiest process, {name}": f"{100 * cost:.1f} % of a core"
                for name, cost in (await checks.idle_cost(stage)).items()
            }
    figures["conditions"] = (
        f"{os.cpu_count()} cores, Python {platform.python_version()}, "
        f"seed {arguments.seed}, {(time.monotonic() - began) / 60:.0f} minutes"
    )
    print(report.table(results, figures), flush=True)
    return 0


async def _figures(stage: Stage) -> dict[str, str]:
    alone, beside = await checks.bulkhead(stage)
    await checks.drained(stage)
    return {"another zap's p95": f"{alone:.0f} ms, with one target hanging {beside:.0f} ms"}


Planned = tuple[str, Fault, bool]


def _cycles(arguments: argparse.Namespace, mischief: Mischief) -> list[tuple[list[Planned], ...]]:
    """Two lanes a cycle, shuffled; the first of a kind that has a long form takes it."""

    def outside(name: str) -> Fault:
        return lambda _, is_long: getattr(mischief, name)(is_long)

    lanes = (
        dict(FAULTS),
        {
            "F8": outside("duplicates"),
            "F9": outside("slow_target"),
            "F10": outside("hostile_code"),
            "F11": outside("too_much"),
            "F17": outside("storm"),
            "F18": outside("races"),
        },
    )
    wanted = set(arguments.only.split(",")) - {""}
    names = [name for lane in lanes for name in lane if not wanted or name in wanted]
    each = -(-arguments.faults // len(names))
    chance = random.Random(arguments.seed)
    planned: list[list[Planned]] = []
    for lane in lanes:
        one = [
            (name, lane[name], number == 0 and not arguments.short)
            for name in names
            if name in lane
            for number in range(each)
        ]
        chance.shuffle(one)
        planned.append(one)
    number = max(1, -(-each * len(names) // CYCLE))
    return [tuple(lane[place::number] for lane in planned) for place in range(number)]


async def _cycle(
    stage: Stage,
    load: Load,
    mischief: Mischief,
    lanes: tuple[list[Planned], ...],
    results: Results,
) -> list[str]:
    since, before = new_id(), len(stage.acks.all)
    load.start()
    try:
        async with asyncio.TaskGroup() as group:
            for lane in lanes:
                group.create_task(_lane(stage, lane, results))
    except* AssertionError as broken:
        mischief.wrong += [str(problem) for problem in broken.exceptions]
    await load.stop()
    try:
        await checks.drained(stage)
    except AssertionError as stuck:
        mischief.wrong.append(f"I3: {stuck}")
    await load.dismiss()
    wrong = await checks.violations(stage, load, mischief, since)
    sent = len(stage.acks.all) - before
    print(
        f"  cycle: {sum(map(len, lanes))} faults, {sent} requests, {len(wrong)} wrong", flush=True
    )
    return wrong


async def _lane(stage: Stage, lane: list[Planned], results: Results) -> None:
    for name, fault, is_long in lane:
        await asyncio.sleep(stage.random.uniform(0, GAP_SECONDS))
        try:
            async with asyncio.timeout(FAULT_SECONDS * (4 if is_long else 1)):
                recovery = await fault(stage, is_long)
        except TimeoutError as late:
            raise AssertionError(f"{name}: no recovery, {late!r}") from late
        results.append((name, recovery))
        print(
            f"{len(results):4} {name:4} {recovery.variant:34} {recovery.seconds:6.2f} s", flush=True
        )


if __name__ == "__main__":
    main()
