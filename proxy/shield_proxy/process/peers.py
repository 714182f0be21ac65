"""Asking peers for their record at start, so that a new pod needs no operator."""

import asyncio
import ipaddress
import logging
import socket
from collections.abc import Awaitable, Callable

import httptools

from shield_proxy.config import contract
from shield_proxy.config.identity import PodIdentity
from shield_proxy.config.record import CHUNK_BYTES, CHUNKS
from shield_proxy.process.state import Different, StateHolder, Unreadable, peer_names
from shield_proxy.wire.tls.hops import HopTls, peer_identity

log = logging.getLogger("shield.peers")

FETCH_SECONDS = 5.0
NAMES, ADDRESSES = 6, 12
"""Asked in one round, at most; the next round goes on with other names."""
LARGEST_ANSWER = CHUNKS * CHUNK_BYTES + 16384

Resolve = Callable[[str], Awaitable[list[str]]]
Ask = Callable[[str], Awaitable[tuple[bytes, bool]]]
"""Address -> record, and whether that peer is ready (fetch_record)."""


class _Answer:
    """Callbacks of the response parser."""

    def __init__(self) -> None:
        self.headers: dict[bytes, bytes] = {}
        self.body = b""
        self.complete = False

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.lower()] = value

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.complete = True


async def fetch_record(host: str, port: int, tls: HopTls, fleet: tuple[str, str]) -> tuple[bytes, bool]:
    """A peer's record, and whether that peer is ready. OSError when it can't be had: not reachable, not a pod of
    (namespace, fleet), no record, not HTTP."""
    async with asyncio.timeout(FETCH_SECONDS):
        reader, writer = await asyncio.open_connection(host, port, ssl=tls.client, server_hostname="")
        try:
            identity = peer_identity(writer.get_extra_info("ssl_object"))
            if not isinstance(identity, PodIdentity) or (identity.namespace, identity.fleet) != fleet:
                raise ConnectionRefusedError(f"{host} is {identity.uri if identity else 'nobody known'}")
            writer.write(b"GET %s HTTP/1.1\r\nHost: peer\r\nConnection: close\r\n\r\n" % contract.STATE_PATH.encode())
            return await _read_answer(reader)
        finally:
            writer.transport.abort()


async def _read_answer(reader: asyncio.StreamReader) -> tuple[bytes, bool]:
    answer = _Answer()
    parser = httptools.HttpResponseParser(answer)
    seen = 0
    while not answer.complete:
        received = await reader.read(65536)
        seen += len(received)
        if not received or seen > LARGEST_ANSWER:
            raise ConnectionResetError("the answer ended early or is too long")
        try:
            parser.feed_data(received)
        except httptools.HttpParserError as error:
            raise ConnectionResetError(f"not an answer: {error}") from error
    if parser.get_status_code() != 200:
        raise ConnectionRefusedError(f"answered {parser.get_status_code()}")
    return answer.body, answer.headers.get(contract.HEADER_READY.lower().encode()) == b"1"


async def confirm_with_peers(
    holder: StateHolder, ask: Ask, data_center: str, own: str, resolve: Resolve, pause: float = 2.0
) -> None:
    """Asks one round of peers after another, `pause` seconds apart, until somebody has confirmed the state in use."""
    first = 0
    while not holder.confirmed:
        names = peer_names(holder.state, data_center) if holder.state else []
        chosen = [names[(first + i) % len(names)] for i in range(min(NAMES, len(names)))]
        first += NAMES
        await _round(holder, ask, await _addresses(chosen, own, resolve))
        if not holder.confirmed:
            await asyncio.sleep(pause)


async def _round(holder: StateHolder, ask: Ask, addresses: list[str]) -> None:
    """The highest record of the peers is used, and confirmed if a ready one was among them: also a ready peer that
    holds less proves that what is held here is not behind the fleet."""
    async with asyncio.TaskGroup() as group:
        asked = {address: group.create_task(_asked(ask, address)) for address in addresses}
    for address, task in asked.items():
        if (answer := task.result()) is not None:
            verdict = holder.offer(answer[0], f"peer {address}", confirms=False)
            if answer[1] and not isinstance(verdict, Unreadable | Different):
                holder.confirm(f"peer {address}")


async def _asked(ask: Ask, address: str) -> tuple[bytes, bool] | None:
    try:
        return await ask(address)
    except (OSError, TimeoutError) as error:
        log.debug("no state from peer %s: %s", address, error)
        return None


async def _addresses(names: list[str], own: str, resolve: Resolve) -> list[str]:
    found: dict[str, None] = {}
    for name in names:
        for address in await resolve(host_of(name)):
            if address != own:
                found[address] = None
    return list(found)[:ADDRESSES]


def host_of(name: str) -> str:
    """A service's entry without its optional port of hops."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        host, colon, port = name.rpartition(":")
        return host.strip("[]") if colon and port.isdigit() else name.strip("[]")
    return name


async def resolve_host(name: str) -> list[str]:
    """The addresses of a name in the order of the system's resolver; none when it has none."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except OSError:
        return []
    return [str(address[0]) for *_, address in found]
