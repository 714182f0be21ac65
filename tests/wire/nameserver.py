"""A DNS server that answers what the test says and remembers what it was asked."""

import asyncio
import ipaddress
import struct
from dataclasses import dataclass, field

A, AAAA = 1, 28
NO_SUCH_NAME, SERVER_FAILURE = 3, 2


@dataclass
class NameServer(asyncio.DatagramProtocol):
    """Use as a context manager; `records` maps a name to (TTL, addresses)."""

    records: dict[str, tuple[int, list[str]]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    """Names of A questions."""
    failing: bool = False
    silent: bool = False
    transport: asyncio.DatagramTransport | None = None

    async def __aenter__(self) -> "NameServer":
        loop = asyncio.get_running_loop()
        self.transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", 0))
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self.transport is not None
        self.transport.close()
        await asyncio.sleep(0)

    @property
    def address(self) -> str:
        assert self.transport is not None
        host, port = self.transport.get_extra_info("sockname")
        return f"{host}:{port}"

    def datagram_received(self, question: bytes, peer: tuple[str, int]) -> None:
        at, labels = 12, []
        while size := question[at]:
            labels.append(question[at + 1 : at + 1 + size].decode())
            at += 1 + size
        (kind,) = struct.unpack_from(">H", question, at + 1)
        name = ".".join(labels).lower()
        if kind == A:
            self.asked.append(name)
        if self.silent:
            return
        ttl, addresses = self.records.get(name, (0, []))
        answers = [a for a in map(ipaddress.ip_address, addresses) if kind == (A if a.version == 4 else AAAA)]
        code = SERVER_FAILURE if self.failing else 0 if name in self.records else NO_SUCH_NAME
        answers = [] if self.failing else answers
        head = struct.pack(">HHHHHH", *struct.unpack_from(">H", question), 0x8180 | code, 1, len(answers), 0, 0)
        body = b"".join(struct.pack(">HHHIH", 0xC00C, kind, 1, ttl, len(a.packed)) + a.packed for a in answers)
        assert self.transport is not None
        self.transport.sendto(head + question[12 : at + 5] + body, peer)
