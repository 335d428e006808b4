"""What a turn needs a look elsewhere for: stored values, zaps that are called, stored replies."""

from typing import Any

from flowforge.engine.protocol import (
    CallZap,
    ChildEnded,
    ErrorInfo,
    Failed,
    Load,
    Loaded,
    Path,
    Stored,
)
from flowforge.errors import NotFound
from flowforge.infra.db import Database
from flowforge.services import children
from flowforge.services.carrying import Turn
from flowforge.services.holding import Reported, packed
from flowforge.services.values import Values, kept


class Resolver:
    """Answers what the engine asked for, with the stores of this process."""

    def __init__(self, database: Database, values: Values) -> None:
        self._database = database
        self._values = values

    async def resolve(self, turn: Turn) -> None:
        """Answer all that is put off in the turn's run, and what follows from the answers.

        Raises: Unavailable; then what is left is still put off.
        """
        deferred = turn.held.deferred
        while deferred:
            command = deferred[0]
            # What it belongs to may have ended meanwhile.
            if command.path in turn.held.state.waits:
                await self._resolve(turn, command)
            elif deferred and deferred[0] is command:
                deferred.popleft()

    async def _resolve(self, turn: Turn, command: Load | CallZap | Reported) -> None:
        deferred = turn.held.deferred
        match command:
            case Load(path, values):
                answer = await self._load(path, values)
                deferred.popleft()
                turn.tell(answer)
            case CallZap():
                zap = await children.look_up(self._database, command.zap_id)
                deferred.popleft()
                children.start(turn, command, zap)
            case Reported():
                body = await self._reply(command)
                deferred.popleft()
                self._report(turn, command, body)

    async def _load(self, path: Path, values: tuple[Stored, ...]) -> Loaded | Failed:
        try:
            return Loaded(path, await self._values.load(values))
        except NotFound as problem:
            return Failed(path, ErrorInfo("value_gone", problem.message), retryable=False)

    async def _reply(self, child: Reported) -> Any:
        stored = Stored(child.stored["key"], child.stored["size"])
        try:
            found = await self._values.load([stored])
        except NotFound:
            return None
        return found[stored.key]["body"]

    def _report(self, turn: Turn, child: Reported, body: Any) -> None:
        output = children.output_of(child.run_id, "succeeded", body)
        row, too_large = packed(output, "reply")
        if too_large is not None:
            turn.tell(ChildEnded(child.path, "failed", None, too_large))
            return
        turn.writes.blobs.append(row)
        turn.tell(ChildEnded(child.path, "succeeded", kept(output, row)))
