"""Who is told of health checks: a mail server and a receiver of webhooks, on the machine of an origin."""

import asyncio
import socket
import ssl
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from courier.mailserver import Mailbox, mail_server
from courier.receiver import Receiver, receiving

from localcluster import Cluster
from product.secure import Authority

MAIL_PORT, HOOK_PORT = 587, 9443


@dataclass
class Told:
    """What arrived."""

    authority: Authority
    host: str
    mailbox: Mailbox = field(default_factory=Mailbox)
    receiver: Receiver = field(default_factory=Receiver)

    def mails(self, subject: str) -> list[Any]:
        """Those whose subject begins so."""
        return [mail for mail in list(self.mailbox.mails) if str(mail["Subject"]).startswith(subject)]

    def hooks(self, path: str) -> list[Any]:
        """Bodies of the requests for a path."""
        return [each.body for each in list(self.receiver.received) if each.url.endswith(path)]


@contextmanager
def told_at(cluster: Cluster, origin: str, host: str) -> Iterator[Told]:
    """A mail server with STARTTLS and credentials (user, pass), and a receiver of webhooks with TLS, at an origin's
    address; they end with the block."""
    told = Told(Authority("receivers"), host)
    with cluster.inside(origin):
        sockets = [socket.create_server(("", port)) for port in (MAIL_PORT, HOOK_PORT)]
    loop, stop = asyncio.new_event_loop(), asyncio.Event()
    ready = threading.Event()

    async def serve() -> None:
        tls = _context(told)
        async with (
            mail_server(told.mailbox, tls, auth=True, sock=sockets[0]),
            receiving(told.receiver, tls, sockets[1]),
        ):
            ready.set()
            await stop.wait()

    def run() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(serve())

    thread = threading.Thread(target=run, name="receivers")
    thread.start()
    try:
        assert ready.wait(10)
        yield told
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)


def _context(told: Told) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "tls.pem"
        file.write_bytes(b"".join(told.authority.issue(told.host, told.host)))
        context.load_cert_chain(file)
    return context
