"""Connecting TCP to whoever of an upstream's addresses answers first (RFC 8305, happy eyeballs)."""

import asyncio
import errno
import ipaddress
import select
import socket
from collections.abc import Iterable, Sequence
from contextlib import suppress

from shield_proxy.wire.upstream.failures import UpstreamFailed, connect_failure, telling

ATTEMPT_DELAY = 0.25
"""Seconds an attempt has before the next begins beside it (RFC 8305, 5)."""
MOST_ADDRESSES = 8
"""Of one upstream that one connection is tried with."""


def interleaved(addresses: Iterable[str], first: int | None) -> list[str]:
    """The families in turn, each in its own order (RFC 8305, 4); `first` (4 or 6) begins, else who comes first."""
    families: dict[int, list[str]] = {}
    for address in addresses:
        families.setdefault(family(address), []).append(address)
    if first in families:
        families = {first: families.pop(first), **families}
    longest = max(map(len, families.values()), default=0)
    return [same[i] for i in range(longest) for same in families.values() if i < len(same)]


def family(address: str) -> int:
    """4 or 6."""
    return ipaddress.ip_address(address).version


async def dial(
    addresses: Sequence[str], port: int, seconds: float, source: str | None = None
) -> tuple[socket.socket, str]:
    """A connected socket and its address; all other attempts have ended. Each gets so many seconds. UpstreamFailed
    with the most telling reason."""
    if source is not None:
        addresses = [address for address in addresses if family(address) == family(source)]
    if not addresses:
        raise UpstreamFailed("unresolved")
    try:
        if len(addresses) == 1:
            return await _attempt(addresses[0], port, seconds, source), addresses[0]
        return await _race(addresses[:MOST_ADDRESSES], port, seconds, source)
    except OSError as error:
        raise connect_failure(error) from error


async def _race(addresses: Sequence[str], port: int, seconds: float, source: str | None) -> tuple[socket.socket, str]:
    loop = asyncio.get_running_loop()
    running: dict[asyncio.Task[socket.socket], str] = {}
    worst: OSError | None = None
    waiting = list(reversed(addresses))
    try:
        while waiting or running:
            if waiting:
                address = waiting.pop()
                running[loop.create_task(_attempt(address, port, seconds, source))] = address
            done, _ = await asyncio.wait(
                running, timeout=ATTEMPT_DELAY if waiting else None, return_when=asyncio.FIRST_COMPLETED
            )
            for task in sorted(done, key=lambda task: addresses.index(running[task])):
                failure = task.exception()
                if failure is None:
                    address = running.pop(task)
                    return task.result(), address
                if not isinstance(failure, OSError):
                    raise failure
                del running[task]
                if worst is None or telling(failure) > telling(worst):
                    worst = failure
    finally:
        await _end(running)
    raise worst or OSError(errno.EHOSTUNREACH, "no address")


async def _end(running: Iterable[asyncio.Task[socket.socket]]) -> None:
    """Losers are closed, also those that connected at the same moment."""
    for task in running:
        task.cancel()
    for ended in await asyncio.gather(*running, return_exceptions=True):
        if isinstance(ended, socket.socket):
            ended.close()


async def _attempt(address: str, port: int, seconds: float, source: str | None) -> socket.socket:
    numeric = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    kind, _, _, _, target = numeric[0]
    sock = socket.socket(kind, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        if source is not None:
            sock.bind((source, 0))
        try:
            async with asyncio.timeout(seconds):
                await asyncio.get_running_loop().sock_connect(sock, target)
        except TimeoutError:
            if not is_connected(sock):
                raise OSError(errno.ETIMEDOUT, "no answer") from None
    except BaseException:
        sock.close()
        raise
    return sock


def is_connected(sock: socket.socket) -> bool:
    """Whether the network has done its part, though this process was too busy to notice: that is not the peer's."""
    with suppress(OSError):
        poll = select.poll()
        poll.register(sock, select.POLLOUT)
        return bool(poll.poll(0)) and not sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    return False
