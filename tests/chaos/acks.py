"""What senders were told: the first of the three books."""

import json
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TextIO

import httpx


class Ack(NamedTuple):
    """One request and its answer; ``status`` 0: none came. Times are seconds since 1970."""

    tag: str
    number: int
    begun: float
    at: float
    status: int
    run_id: str | None
    event_id: str | None
    is_duplicate: bool

    @property
    def is_promise(self) -> bool:
        return 200 <= self.status < 300


@dataclass
class Acks:
    """``runs``: run id -> event id of every 2xx; ``other``: the count of everything else.

    With ``file`` each answer is a line of it, written as soon as it is here.
    """

    runs: dict[str, str] = field(default_factory=dict)
    other: Counter[str] = field(default_factory=Counter)
    all: list[Ack] = field(default_factory=list)
    file: TextIO | None = None

    async def send(self, client: httpx.AsyncClient, url: str, number: int) -> Ack:
        return await self.post(client, url, {"n": number}, number=number)

    async def post(
        self,
        client: httpx.AsyncClient,
        url: str,
        body: Any,
        *,
        number: int = 0,
        tag: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> Ack:
        begun = time.time()
        status, said = 0, {}
        try:
            answer = await client.post(url, json=body, headers=headers)
        except httpx.HTTPError as problem:
            self.other[type(problem).__name__] += 1
        else:
            status = answer.status_code
            if 200 <= status < 300:
                said = answer.json()
            else:
                self.other[str(status)] += 1
        ack = Ack(
            tag,
            number,
            begun,
            time.time(),
            status,
            said.get("zapRunId"),
            said.get("eventId"),
            bool(said.get("duplicate")),
        )
        self._enter(ack)
        return ack

    def _enter(self, ack: Ack) -> None:
        self.all.append(ack)
        if ack.run_id is not None and ack.event_id is not None:
            self.runs[ack.run_id] = ack.event_id
        if self.file is not None:
            self.file.write(json.dumps(ack._asdict()) + "\n")
            self.file.flush()
