"""Names to addresses, remembered briefly, so that a busy upstream is not a busy resolver."""

import asyncio
import ipaddress
import socket
from collections.abc import Callable


class Resolver:
    """Looks up names through the system's resolver; equal questions at one time are one lookup."""

    def __init__(self, clock: Callable[[], float], keep: float = 5.0) -> None:
        self._clock = clock
        self._keep = keep
        """Seconds an answer is used."""
        self._known: dict[str, tuple[float, tuple[str, ...]]] = {}
        self._running: dict[str, asyncio.Task[tuple[str, ...]]] = {}

    async def addresses(self, host: str) -> tuple[str, ...]:
        """The IP addresses of a name or of an address itself; none where the name does not resolve.

        While the resolver itself fails, the last answer goes on being used.
        """
        try:
            return (str(ipaddress.ip_address(host)),)
        except ValueError:
            pass
        known = self._known.get(host)
        if known is not None and self._clock() - known[0] < self._keep:
            return known[1]
        task = self._running.get(host)
        if task is None:
            task = self._running[host] = asyncio.get_running_loop().create_task(self._look_up(host))
            task.add_done_callback(lambda _: self._running.pop(host, None))
        return await asyncio.shield(task)

    async def _look_up(self, host: str) -> tuple[str, ...]:
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except socket.gaierror as error:
            previous = self._known.get(host)
            gone = error.errno in (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME))
            addresses = previous[1] if previous is not None and not gone else ()
        except (OSError, UnicodeError):
            addresses = ()
        else:
            addresses = tuple(dict.fromkeys(str(entry[4][0]) for entry in found))
        if len(self._known) > 10_000:
            self._known.clear()
        self._known[host] = (self._clock(), addresses)
        return addresses

    async def close(self) -> None:
        """Gives up lookups that run."""
        tasks = tuple(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
