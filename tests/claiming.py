"""Runs taken by hand, as a worker takes them, without one that would drive them."""

from flowforge.actions import REGISTRY
from flowforge.services.claims import Claims
from flowforge.services.execution import Ledger
from flowforge.services.holding import Held
from tests.house import House


def claims_of(house: House, worker: str, lease_seconds: float = 60.0) -> Claims:
    """What ``worker`` claims with. Nobody prolongs its leases."""
    ledger = Ledger(house.db, house.runtime.signals)
    return Claims(
        house.db, house.runtime.blobs, REGISTRY, ledger, worker=worker, lease_seconds=lease_seconds
    )


async def take_all(claims: Claims, most: int = 100) -> list[Held]:
    """All that is due, those whose event is in a file among it."""
    taken = await claims.take(most)
    turns = [*taken.unsettled, *[await claims.read(claimed) for claimed in taken.unread]]
    return taken.held + [turn.held for turn in turns if turn is not None]
