"""Who has a thing open at the moment, over all processes that share Redis; in this one without it.

A page says so again and again; what it said is forgotten after a while by itself. Nothing depends on
it: while Redis is away nobody is there.
"""

import time
from dataclasses import dataclass, field

import orjson
from redis.asyncio import Redis
from redis.exceptions import RedisError

# Pages say it every five seconds.
FRESH_SECONDS = 15.0
_FORGOTTEN_SECONDS = 60
_Trouble = (RedisError, OSError, TimeoutError)


@dataclass(frozen=True)
class Guest:
    """``page``: names the tab, and means nothing to anybody else."""

    page: str
    user_id: int
    name: str


@dataclass
class Presence:
    """Of one process. ``_here`` is for where there is no Redis."""

    redis: Redis | None
    prefix: str
    _here: dict[str, dict[str, bytes]] = field(default_factory=dict)

    async def say(self, what: str, guest: Guest) -> tuple[list[Guest], bool]:
        """``guest`` has ``what`` open. All who have, by name; and whether that page is a new one."""
        said = orjson.dumps([guest.user_id, guest.name, time.time()])
        try:
            pages, is_new = await self._swapped(what, guest.page, said)
        except _Trouble:
            return [], False
        return _fresh(pages), is_new

    async def leave(self, what: str, page: str) -> None:
        """That page shows it no more."""
        try:
            if self.redis is None:
                self._here.get(what, {}).pop(page, None)
            else:
                async with self.redis.pipeline(transaction=False) as pipe:
                    pipe.hdel(self._key(what), page)
                    await pipe.execute()
        except _Trouble:
            return  # forgotten by itself

    async def _swapped(self, what: str, page: str, said: bytes) -> tuple[dict[str, bytes], bool]:
        if self.redis is None:
            for name in [name for name, pages in self._here.items() if not _fresh(pages)]:
                del self._here[name]
            pages = self._here.setdefault(what, {})
            is_new = page not in pages
            pages[page] = said
            return pages, is_new
        async with self.redis.pipeline(transaction=False) as pipe:
            pipe.hset(self._key(what), page, said.decode())
            pipe.expire(self._key(what), _FORGOTTEN_SECONDS)
            pipe.hgetall(self._key(what))
            added, _, found = await pipe.execute()
        return {name.decode(): value for name, value in found.items()}, bool(added)

    def _key(self, what: str) -> str:
        return f"{self.prefix}:open:{what}"


def _fresh(pages: dict[str, bytes]) -> list[Guest]:
    """By name. Clocks of two machines may differ by less than a page is fresh."""
    now, found = time.time(), []
    for page, said in pages.items():
        user_id, name, at = orjson.loads(said)
        if abs(now - at) < FRESH_SECONDS:
            found.append(Guest(page, user_id, name))
    return sorted(found, key=lambda guest: (guest.name, guest.page))
