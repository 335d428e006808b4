import ipaddress
from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from flowforge.actions.sdk import ActionConfig, Context
from flowforge.infra.http import guarded_client
from tests.servers.memory_store import MemoryStore
from tests.servers.smtp import SmtpServer, running_smtp
from tests.servers.solana_node import SolanaNode, running_node

MakeContext = Callable[..., Context[None]]
LOOPBACK = ipaddress.ip_network("127.0.0.0/8")


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    """The product's own guarded client, with the test servers' network let through."""
    async with guarded_client([LOOPBACK], timeout_seconds=5) as client:
        yield client


@pytest.fixture
def context(http: httpx.AsyncClient) -> MakeContext:
    def make(
        *,
        config: ActionConfig | None = None,
        store: MemoryStore | None = None,
        key: str = "run-1:step",
        attempt: int = 1,
        client: httpx.AsyncClient | None = None,
    ) -> Context[None]:
        return Context(
            connection=None,
            http=client or http,
            idempotency_key=key,
            store=store or MemoryStore(),
            config=config or ActionConfig(),
            attempt=attempt,
        )

    return make


@pytest.fixture
async def smtp() -> AsyncIterator[SmtpServer]:
    async with running_smtp() as server:
        yield server


@pytest.fixture
async def node() -> AsyncIterator[SolanaNode]:
    async with running_node() as server:
        yield server
