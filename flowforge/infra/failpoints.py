"""Named places at which a test makes this process die, freeze or fail.

``FLOWFORGE_FAIL="settle.after_commit:3=kill"`` arms them; nobody sets it outside of tests, and
without it ``reach`` is one comparison. The orders, with commas between them:

    NAME[:WHEN]=ACTION     WHEN: the nth time (by default the first), ``*`` always, ``*0.05`` by chance
    seed=NUMBER            makes chance repeatable

Actions: ``kill`` (SIGKILL), ``exit`` (at once, with no clean-up), ``pause:SECONDS`` (the whole event
loop stands still), ``error`` (an exception of no known kind), ``drop`` (a connection is lost).
"""

import os
import random
import re
import signal
import time
from collections import Counter
from dataclasses import dataclass

import structlog

log = structlog.get_logger()

ENVIRONMENT = "FLOWFORGE_FAIL"
EXIT_CODE = 70

CATALOGUE = {
    "intake.before_commit": "an event, its run and its outbox entry are about to be committed",
    "intake.after_commit": "they are stored, the sender has no answer yet",
    "intake.after_reply": "the sender has its answer",
    "claim.before_commit": "runs are leased and their attempts opened, not committed",
    "claim.after_commit": "the leases are stored, nothing was performed yet",
    "perform.before": "a step is about to be performed",
    "perform.after": "the step took effect, its outcome is known to this process only",
    "settle.before_commit": "outcomes and what follows are written, not committed",
    "settle.after_commit": "they are stored, nobody was told",
    "bulk.after_commit": "a batch is stored and the database's answer may be lost",
    "transaction.before_commit": "what a person, a page or a sweep changes is written, not committed",
    "transaction.after_commit": "it is stored, nobody was told",
    "mail.before_send": "a mail is about to be handed over",
    "mail.after_send": "it was handed over, no row says so yet",
    "tell.before_commit": "notices are passed on and what they fire is stored, not committed",
    "deliver.after_send": "a destination was sent a delivery, no row says so yet",
    "renew.before_commit": "leases are prolonged, not committed",
    "schedule.before_commit": "slots, runs and next times are written, not committed",
    "poll.before_store": "a poll has looked, and nothing of it is stored",
    "poll.before_commit": "position, events, runs and slot are written, not committed",
    "poll.after_commit": "they are stored, nobody was told",
    "register.before_send": "an app is about to be told of a zap's hook, or to forget it",
    "register.after_send": "it did as it was told, no row says so yet",
    "register.before_commit": "what came of it is written, not committed",
    "blob.after_write": "a large value is on disk, and no row names it yet",
}

_ORDER = re.compile(
    r"(?P<name>[a-z_]+\.[a-z_]+)"
    r"(:(?P<nth>[1-9]\d{0,8})|:(?P<always>\*(?P<chance>0\.\d{1,9})?))?"
    r"=(?P<action>kill|exit|error|drop|pause:(?P<seconds>\d{1,4}(\.\d{1,3})?))"
)


class FailpointError(Exception):
    """What the action ``error`` raises: nothing that any code expects."""


@dataclass(frozen=True, slots=True)
class _Order:
    """``nth`` None: each time with the probability ``chance``."""

    action: str
    nth: int | None
    chance: float
    seconds: float


class _Armed:
    def __init__(self, orders: list[tuple[str, _Order]], seed: int | None) -> None:
        self._orders = orders
        self._times: Counter[str] = Counter()
        self._random = random.Random(seed)  # noqa: S311 - chance, not a secret

    def reach(self, name: str) -> None:
        self._times[name] += 1
        for place, order in self._orders:
            if place == name and self._is_time(name, order):
                _carry_out(name, order)

    def _is_time(self, name: str, order: _Order) -> bool:
        if order.nth is not None:
            return self._times[name] == order.nth
        return self._random.random() < order.chance


_armed: _Armed | None = None


def reach(name: str) -> None:
    """Do what the order for this place says, if there is one."""
    if _armed is not None:
        _armed.reach(name)


def arm(text: str | None = None) -> None:
    """Take the orders from ``text``, by default from the environment; "" disarms.

    Raises: SystemExit, with a sentence, for orders that cannot be understood.
    """
    global _armed  # noqa: PLW0603 - one per process, by definition
    orders: list[tuple[str, _Order]] = []
    seed = None
    given = os.environ.get(ENVIRONMENT, "") if text is None else text
    for part in filter(None, map(str.strip, given.split(","))):
        if re.fullmatch(r"seed=\d{1,18}", part):
            seed = int(part.removeprefix("seed="))
        else:
            orders.append(_read(part))
    _armed = _Armed(orders, seed) if orders else None


def _read(part: str) -> tuple[str, _Order]:
    found = _ORDER.fullmatch(part)
    if found is None:
        raise SystemExit(
            f"Cannot start: {ENVIRONMENT} has '{part}'; an order looks like "
            "settle.after_commit:3=kill or perform.after:*0.05=pause:4."
        )
    if found["name"] not in CATALOGUE:
        known = ", ".join(sorted(CATALOGUE))
        raise SystemExit(
            f"Cannot start: {ENVIRONMENT} names '{found['name']}', which is no failpoint. "
            f"There are {known}."
        )
    order = _Order(
        action=found["action"].partition(":")[0],
        nth=None if found["always"] else int(found["nth"] or 1),
        chance=float(found["chance"] or 1),
        seconds=float(found["seconds"] or 0),
    )
    return found["name"], order


def _carry_out(name: str, order: _Order) -> None:
    log.warning("failpoint", name=name, action=order.action)
    match order.action:
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "exit":
            os._exit(EXIT_CODE)
        case "pause":
            # Not asyncio's: the whole process is to stand still, its lease renewal included.
            time.sleep(order.seconds)
        case "drop":
            raise ConnectionResetError(f"failpoint {name}")
        case _:
            raise FailpointError(f"failpoint {name}")
