"""A real SMTP server on a free port that takes, refuses or puts off what it is sent."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any, cast

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword


@dataclass
class SmtpServer:
    url: str = ""
    on_receiver: str = "250 OK"
    on_data: str = "250 OK"
    hangs_up_on_data: bool = False
    login: tuple[bytes, bytes] | None = None
    taken: list[EmailMessage] = field(default_factory=list)
    envelopes: list[Envelope] = field(default_factory=list)

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: Any, session: Any, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.on_receiver.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.on_receiver

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:  # noqa: N802
        if self.hangs_up_on_data:
            server.transport.abort()
        if self.on_data.startswith("250"):
            content = cast("bytes", envelope.content)
            self.taken.append(message_from_bytes(content, policy=default))
            self.envelopes.append(envelope)
        return self.on_data

    def authenticate(
        self, server: Any, session: Any, envelope: Any, mechanism: str, data: LoginPassword
    ) -> AuthResult:
        return AuthResult(success=(data.login, data.password) == self.login, handled=False)


@asynccontextmanager
async def running_smtp(login: tuple[bytes, bytes] | None = None) -> AsyncIterator[SmtpServer]:
    house = SmtpServer(login=login)

    def session() -> SMTP:
        return SMTP(
            house,
            authenticator=house.authenticate if login else None,
            auth_require_tls=False,
        )

    server = await asyncio.get_running_loop().create_server(session, "127.0.0.1", 0)
    user = f"{login[0].decode()}:{login[1].decode()}@" if login else ""
    house.url = f"smtp://{user}127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield house
    finally:
        server.close()
        await server.wait_closed()
