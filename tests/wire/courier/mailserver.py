"""Mail servers: aiosmtpd as tests want it, and ones that misbehave."""

import asyncio
import socket
import ssl
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP as POLICY
from typing import Any, cast

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

Say = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Mailbox:
    """What was handed in, and what is answered to whom."""

    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    logins: list[tuple[str, str, bool]] = field(default_factory=list)
    """User, password, and whether TLS was on."""
    refused: Mapping[str, str] = field(default_factory=dict)
    """Recipient -> reply."""
    data_reply: str = "250 OK"
    accepts: tuple[str, str] = ("user", "pass")

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.data_reply.startswith("250"):
            self.mails.append(cast(EmailMessage, message_from_bytes(envelope.content or b"", policy=POLICY)))
            self.recipients.append(list(envelope.rcpt_tos))
        return self.data_reply

    def login(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: Any) -> AuthResult:
        assert isinstance(given, LoginPassword)
        login = given.login.decode(), given.password.decode()
        self.logins.append((*login, session.ssl is not None))
        return AuthResult(success=login == self.accepts, handled=False)


@asynccontextmanager
async def mail_server(
    mailbox: Mailbox,
    tls: ssl.SSLContext | None = None,
    *,
    implicit: bool = False,
    auth: bool = False,
    sock: socket.socket | None = None,
) -> AsyncIterator[int]:
    """Its port, that of `sock` or one of loopback. With `tls`: STARTTLS is needed, or, `implicit`, TLS from the first
    byte."""

    def protocol() -> SMTP:
        with warnings.catch_warnings():
            # Behind TLS from the first byte aiosmtpd does not see that there is any, and warns of it.
            warnings.simplefilter("ignore")
            return SMTP(
                mailbox,
                tls_context=None if implicit else tls,
                require_starttls=tls is not None and not implicit,
                auth_required=auth,
                auth_require_tls=not implicit,
                authenticator=mailbox.login,
                hostname="mail.example.org",
            )

    loop = asyncio.get_running_loop()
    where = sock or socket.create_server(("127.0.0.1", 0))
    server = await loop.create_server(protocol, sock=where, ssl=tls if implicit else None)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await asyncio.sleep(0.05)


@asynccontextmanager
async def rude_server(say: Say, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> AsyncIterator[int]:
    """Its port; each connection is given to `say`."""
    ends: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends.add(writer)
        try:
            await say(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(serve, host, 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in ends:
            writer.transport.abort()
        await asyncio.sleep(0.05)


def saying(*replies: bytes) -> Say:
    """The first when it is connected to, each other one after something was heard; then silence."""

    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for i, reply in enumerate(replies):
            if i:
                await reader.read(65536)
            writer.write(reply)
            await writer.drain()
        await reader.read()

    return say
