"""What the runner lends an action for one attempt, and nothing beyond it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import httpx
from pydantic import BaseModel, ConfigDict

from flowforge.actions.files import Content, Files, NoFiles


class Connection(BaseModel):
    """Credentials of one account at one app; stored sealed as a whole."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
    kind: ClassVar[str]


class Store(Protocol):
    """What one step of one run remembers over its attempts. Keys are private to that step.

    ``put`` returns only after its commit, and raises when this attempt no longer holds the
    run's lease: otherwise a worker that was presumed dead could overwrite what its successor
    has already acted on.
    """

    async def get(self, key: str) -> Any | None: ...
    async def put(self, key: str, value: Any) -> None: ...


@dataclass(frozen=True)
class Letter:
    """A mail to be sent: one receiver, the text and the same as HTML, what is attached."""

    to: str
    subject: str
    text: str
    html: str
    attachments: tuple[Content, ...] = ()


class Mailer(Protocol):
    """The operator's mail transport. ``refused`` is what ``send`` raises for a mail that was
    not taken; it carries ``permanent``, ``uncertain`` and ``retry_after``.
    """

    @property
    def refused(self) -> type[Exception]: ...
    async def send(self, message: Letter, idempotency_key: str) -> str: ...


@dataclass(frozen=True)
class SolanaConfig:
    """The operator's wallet and node. A dry run checks everything and sends nothing."""

    rpc_url: str = "https://api.devnet.solana.com"
    secret_key: str = field(default="", repr=False)
    dry_run: bool = True
    confirm_seconds: float = 30.0
    poll_seconds: float = 0.5


@dataclass(frozen=True)
class ActionConfig:
    """Settings of the operator that an action needs; no other setting reaches an action."""

    mailer: Mailer | None = None
    solana: SolanaConfig = SolanaConfig()


C = TypeVar("C", bound=Connection | None)


def _quiet(line: str) -> None:
    """Log nothing."""


@dataclass(frozen=True)
class Context(Generic[C]):
    """What the runner lends an action for one attempt.

    ``idempotency_key`` is ``<run_id>:<path>``, equal over all attempts of the step;
    ``attempt`` counts from 1; ``http`` is the guarded client; ``files`` reads what inputs name.
    """

    connection: C
    http: httpx.AsyncClient
    idempotency_key: str
    store: Store
    config: ActionConfig = ActionConfig()
    attempt: int = 1
    log: Callable[[str], None] = _quiet
    files: Files = field(default_factory=NoFiles)
