"""Faults of processes and servers: F1 to F5, F13 and F19 of the plan in ``docs/reliability.md``.

Each does its harm, ends it, and waits for recovery: what dead workers held is in other hands, and
an event sent afterwards was acknowledged and performed.
"""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from redis.asyncio import Redis

from bench.chaos.stage import Stage, now
from flowforge.infra.failpoints import CATALOGUE
from tests.chaos.processes import Child
from tests.chaos.site import LEASE_SECONDS

DEATH_SECONDS = 12.0
_ELSEWHERE = ("intake.", "schedule.", "poll.", "tell.", "deliver.", "register.", "mail.")
# What a worker comes by under this load: nothing goes by the clock, is told to anybody, sends mail
# (members are asked, not addresses) or is registered with an app.
WORKER_PLACES = sorted(name for name in CATALOGUE if not name.startswith(_ELSEWHERE))
FREEZING_PLACES = ("claim.after_commit", "perform.after", "settle.before_commit")
LOSING = "bulk.after_commit:*0.1=drop, transaction.after_commit:*0.1=drop"
INTAKE_PLACES = sorted(name for name in CATALOGUE if name.startswith("intake."))


@dataclass(frozen=True)
class Recovery:
    """``over_at``: when the harm itself had ended; recovery is counted from there."""

    variant: str
    struck_at: float
    over_at: float
    recovered_at: float

    @property
    def seconds(self) -> float:
        return self.recovered_at - self.over_at


Fault = Callable[[Stage, bool], Awaitable[Recovery]]


async def killed_worker(stage: Stage, is_long: bool) -> Recovery:
    """F1: kill -9, at a random moment or at a place between an effect and its commit."""
    if stage.random.random() < 0.3:
        return await _kill(stage, "at random", [stage.random.choice(stage.alive()).doom()])
    place = stage.random.choice(WORKER_PLACES)
    # One more than usual, who is born to die there.
    child = await stage.born(f"{place}:{stage.random.randint(1, 12)}=kill")
    return await _awaited(stage, child, place)


async def _awaited(stage: Stage, child: Child, place: str) -> Recovery:
    """The death of an armed process; some places are seldom reached."""
    try:
        await child.ended(DEATH_SECONDS)
    except TimeoutError:
        return await _kill(stage, f"at random, not {place}", [child])
    struck = now()
    held = await stage.held_by([child])
    return await _recovered(stage, f"at {place}", struck, struck, held)


async def _kill(stage: Stage, variant: str, children: list[Child]) -> Recovery:
    for child in children:
        child.signal(signal.SIGKILL)
    struck = now()
    held = await stage.held_by(children)
    return await _recovered(stage, variant, struck, struck, held)


async def _recovered(
    stage: Stage, variant: str, struck: float, over: float, held: dict[str, int] | None = None
) -> Recovery:
    await asyncio.gather(stage.taken_over(held or {}), stage.probe())
    return Recovery(variant, struck, over, now())


async def killed_workers(stage: Stage, is_long: bool) -> Recovery:
    """F2: all of them at once; new ones after a while."""
    for slot in stage.workers:
        slot.is_wanted = False
    children = [slot.doom() for slot in stage.alive()]
    for child in children:
        child.signal(signal.SIGKILL)
    struck = now()
    held = await stage.held_by(children)
    pause = stage.random.uniform(0, 3)
    await asyncio.sleep(pause)
    over = now()
    for slot in stage.workers:
        slot.is_wanted = True
    return await _recovered(stage, "all", struck, over, held)


async def killed_intake(stage: Stage, is_long: bool) -> Recovery:
    """F3: the process that answers webhooks, at random or around its commit."""
    slot = stage.random.choice(stage.hooks)
    await stage.all_running()
    old = slot.doom()
    if stage.random.random() < 0.3:
        old.kill()
        struck = now()
        recovery = await _recovered(stage, "at random", struck, struck)
    else:
        place = stage.random.choice(INTAKE_PLACES)
        slot.fail = f"{place}:{stage.random.randint(1, 60)}=kill"
        old.kill()
        async with asyncio.timeout(30):
            while slot.child in {old, None}:  # noqa: ASYNC110 - set by a task that watches
                await asyncio.sleep(0.02)
        armed = slot.child
        assert armed is not None
        recovery = await _awaited(stage, armed, place)
    await stage.all_running()
    return recovery


async def lost_redis(stage: Stage, is_long: bool) -> Recovery:
    """F4: emptied, restarted empty, away for a while, full."""
    redis = stage.site.redis
    variant = (
        "away for long"
        if is_long
        else stage.random.choice(("emptied", "restarted", "away", "full"))
    )
    struck = now()
    match variant:
        case "emptied":
            await redis.flush()
        case "restarted":
            redis.kill()
            await redis.start()
        case "full":
            await _filled(redis.url, stage.random.uniform(1, 3))
        case _:
            redis.kill()
            await asyncio.sleep(30 if is_long else stage.random.uniform(1, 4))
            await redis.start()
    over = now()
    stage.redis_outages.append((struck, over))
    return await _recovered(stage, variant, struck, over)


async def _filled(url: str, seconds: float) -> None:
    async with Redis.from_url(url) as redis:
        await redis.config_set("maxmemory", "1mb")
        await asyncio.sleep(seconds)
        await redis.config_set("maxmemory", "0")


async def lost_postgres(stage: Stage, is_long: bool) -> Recovery:
    """F5: killed and restarted, away for a while, silent, connections ended or refused."""
    postgres = stage.postgres
    kinds = (
        "restarted", "away", "silent", "connections ended", "too many connections", "answers lost",
    )  # fmt: skip
    variant = "away for long" if is_long else stage.random.choice(kinds)
    seconds = 60.0 if is_long else stage.random.uniform(1, 3)
    struck = now()
    match variant:
        case "restarted":
            await postgres.restart_at_once()
        case "silent":
            postgres.freeze()
            frozen = now()
            await asyncio.sleep(seconds)
            stage.outages.append((frozen, now()))
            postgres.thaw()
        case "connections ended":
            for _ in range(3):
                await postgres.end_connections()
                await asyncio.sleep(stage.random.uniform(0, 0.3))
        case "too many connections":
            await postgres.allow_connections(1)
            await postgres.end_connections()
            await asyncio.sleep(seconds)
            await postgres.allow_connections(-1)
        case "answers lost":
            # Commits whose answer never came: stored, and the worker cannot know.
            child = await stage.born(LOSING)
            await asyncio.sleep(seconds)
            await stage.retired(child)
        case _:
            await postgres.stop_at_once()
            stopped = now()
            try:
                await asyncio.sleep(seconds)
            finally:
                # Also where something else went wrong meanwhile: what did is to be looked up.
                stage.outages.append((stopped, now()))
                await postgres.start()
    return await _recovered(stage, variant, struck, now())


async def frozen_worker(stage: Stage, is_long: bool) -> Recovery:
    """F13: stopped for two leases, then let go on as if nothing had been; at random, or with the
    outcome of a step, or an open transaction, in its hands.
    """
    if stage.random.random() < 0.5:
        return await _frozen_at(stage, stage.random.choice(FREEZING_PLACES))
    child = stage.random.choice(stage.alive()).child
    assert child is not None
    child.signal(signal.SIGSTOP)
    struck = now()
    held = await stage.held_by([child])
    await stage.taken_over(held)
    await asyncio.sleep(max(0.0, struck + 2 * LEASE_SECONDS - now()))
    child.signal(signal.SIGCONT)
    return await _recovered(stage, "at random", struck, now())


async def _frozen_at(stage: Stage, place: str) -> Recovery:
    seconds = 2 * LEASE_SECONDS
    child = await stage.born(f"{place}:{stage.random.randint(2, 30)}=pause:{seconds}")
    variant = f"at {place}"
    try:
        await child.says('"failpoint"', within_seconds=DEATH_SECONDS)
    except AssertionError:
        variant = f"not at {place}"
    struck = now()
    held = await stage.held_by([child])
    await asyncio.sleep(seconds)
    over = now()
    recovery = await _recovered(stage, variant, struck, over, held)
    await stage.retired(child)
    return recovery


async def stopped_worker(stage: Stage, is_long: bool) -> Recovery:
    """F19: told to stop, as a rolling deployment does; it must end by itself, and in time."""
    child = stage.random.choice(stage.alive()).doom()
    struck = now()
    await stage.retired(child)
    return await _recovered(stage, "told to stop", struck, struck)


FAULTS: dict[str, Fault] = {
    "F1": killed_worker,
    "F2": killed_workers,
    "F3": killed_intake,
    "F4": lost_redis,
    "F5": lost_postgres,
    "F13": frozen_worker,
    "F19": stopped_worker,
}
