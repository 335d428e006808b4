"""What must hold after each cycle, and the figures that are measured on their own."""

import asyncio
import itertools
import statistics
from collections import defaultdict
from collections.abc import Iterator

from bench.chaos.load import Load
from bench.chaos.mischief import Mischief
from bench.chaos.stage import Stage, now
from bench.chaos.zaps import PLANTED
from bench.processes import cpu_seconds
from tests.chaos import ledger, witness
from tests.chaos.acks import Acks
from tests.chaos.ledger import Rows
from tests.chaos.postgres import PASSWORD
from tests.chaos.site import SECRETS

# The mail of an approval and the first look after an outage come on top of the longest wait.
DRAIN_SECONDS = 120.0
IDLE_SECONDS = 10.0
PROBES = 100
PROBE_GAP_SECONDS = 0.1
HANGING_RUNS = 150
SUCCEEDING = ("main", "probe", "ordered", "coding", "large", "parent", "child", "slow", "storm")


async def drained(stage: Stage) -> None:
    await stage.all_running()
    await ledger.settled(stage.house, within_seconds=DRAIN_SECONDS)


async def violations(stage: Stage, load: Load, mischief: Mischief, since: str) -> list[str]:
    """Of everything since the cycle began. The stage must be drained."""
    rows = await ledger.read(stage.house, since)
    wrong = [f"{death}" for death in stage.deaths]
    wrong += [*ledger.violations(rows, _since(stage, since), stage.sink)]
    for acks in load.ordered.values():
        recent = [ack for ack in acks if (ack.run_id or "") >= since]
        wrong += ledger.order(rows, recent, stage.sink)
    wrong += _succeeded(stage, mischief, rows)
    wrong += _one_run_per_key(stage)
    wrong += _no_promise_in_outages(stage)
    wrong += await witness.transitions(stage.house, since)
    wrong += await witness.unchanged(stage.house, mischief.replayed)
    logs = [child.log for child in stage.site.children]
    planted = {**SECRETS, "the database's password": PASSWORD, "a header's value": PLANTED}
    wrong += await witness.leaks(stage.house, logs, planted)
    return wrong + mischief.wrong


def _since(stage: Stage, since: str) -> Acks:
    runs = {run: event for run, event in stage.acks.runs.items() if run >= since}
    return Acks(runs=runs)


def _succeeded(stage: Stage, mischief: Mischief, rows: Rows) -> Iterator[str]:
    """No fault of ours may cost a run its success: their retries are many, and quick."""
    names = {stage.zaps[name].id: name for name in SUCCEEDING}
    for run in rows.runs.values():
        is_ours = run.zap_id in names and run.id not in mischief.touched
        if is_ours and run.parent_run_id not in mischief.touched and run.status != "succeeded":
            yield f"run {run.id} of zap {names[run.zap_id]} is {run.status}"


def _one_run_per_key(stage: Stage) -> Iterator[str]:
    runs: dict[str, set[str | None]] = defaultdict(set)
    for ack in stage.acks.all:
        if ack.is_promise and " " in ack.tag and not ack.tag.startswith("burst"):
            runs[ack.tag].add(ack.run_id)
    for tag, found in runs.items():
        if len(found) > 1:
            yield f"I2: an event that was sent again started {len(found)} runs: {tag}"


def _no_promise_in_outages(stage: Stage) -> Iterator[str]:
    for ack in stage.acks.all:
        if ack.is_promise:
            for down, up in stage.outages:
                if down < ack.begun and ack.at < up:
                    yield f"I7: run {ack.run_id} was acknowledged while nothing could commit"


def refused_without_redis(stage: Stage) -> int:
    """Answers other than 2xx to requests that were under way while only Redis was away."""
    return sum(
        1
        for ack in stage.acks.all
        for down, up in stage.redis_outages
        if down < ack.begun and ack.at < up and not ack.is_promise and ack.status != 413
    )


async def bulkhead(stage: Stage) -> tuple[float, float]:
    """p95 (ms) from sending an event to its one call, alone and while another zap's target hangs."""
    alone = await _latencies(stage)
    stage.sink.behave("hanging", "silent")
    burst = (
        stage.acks.post(stage.client, stage.url("hanging", n), {"n": n}, tag="hanging")
        for n in range(HANGING_RUNS)
    )
    await asyncio.gather(*burst)
    await asyncio.sleep(1)
    beside = await _latencies(stage)
    stage.sink.behave("hanging", "ok")
    return _p95(alone), _p95(beside)


async def _latencies(stage: Stage) -> list[float]:
    found = []
    for number in range(PROBES):
        sent = now()
        ack = await stage.acks.post(
            stage.client, stage.url("probe", number), {"n": number}, tag="probe"
        )
        while (call := stage.sink.book.applied.get(f"{ack.run_id}:one")) is None:  # noqa: ASYNC110 - it is in another thread
            await asyncio.sleep(0.005)
        found.append((call.at - sent) * 1000)
        await asyncio.sleep(PROBE_GAP_SECONDS)
    return found


def _p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


async def idle_cost(stage: Stage) -> dict[str, float]:
    """I10: processor time of one process, in parts of a core, with nothing to do and no servers."""
    found = {"idle": await _cost(stage)}
    stage.site.redis.kill()
    found["Redis away"] = await _cost(stage)
    await stage.postgres.stop_at_once()
    found["both away"] = await _cost(stage)
    await stage.site.redis.start()
    found["the database away"] = await _cost(stage)
    await stage.postgres.start()
    return found


async def _cost(stage: Stage) -> float:
    """Of the busiest process."""
    children = [slot.child for slot in (*stage.workers, *stage.hooks) if slot.child is not None]
    before = {child.pid: cpu_seconds([child.pid]) for child in children}
    await asyncio.sleep(IDLE_SECONDS)
    return max(cpu_seconds([pid]) - was for pid, was in before.items()) / IDLE_SECONDS


def spread(stage: Stage, mischief: Mischief) -> float:
    """F17: calls in the busiest tenth of a second after a storm, over those of the mean one."""
    ratios = []
    for healed, ended in mischief.healed:
        calls = [
            int((call.at - healed) * 10)
            for call in stage.sink.book.calls
            if call.name == "storm/one" and healed <= call.at <= ended
        ]
        if calls:
            per_tenth = [len(list(group)) for _, group in itertools.groupby(sorted(calls))]
            mean = len(calls) / (max(calls) + 1)
            ratios.append(max(per_tenth) / mean)
    return statistics.median(ratios) if ratios else 0.0
