"""Whether the process is of any use still: its deadlines are looked at, and its ports take connections."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Mapping

from shield_proxy.tiers.dataplane import Dataplane

EVERY = 10.0
"""Seconds between two tries to connect to the own ports."""
PATIENCE = 10.0
"""Seconds that a try may take."""
UNSEEN = 30.0
"""Seconds without a look at deadlines: the task that looks has ended."""
DEAF = 90.0
"""Seconds in which no try came through. Much longer than a busy moment: a restart would make that worse."""

Address = tuple[str, int]


def why_not_alive(now: float, looked: float, heard: Mapping[Address, float]) -> str | None:
    """Why the process should be started anew, or None. `looked`: when deadlines were last looked at; `heard`: when each
    port last took a connection."""
    if now - looked > UNSEEN:
        return f"deadlines have not been looked at for {now - looked:.0f} s"
    for (host, port), at in heard.items():
        if now - at > DEAF:
            return f"{host}:{port} has taken no connection for {now - at:.0f} s"
    return None


class Life:
    """Watches a data plane that listens, from start() to stop()."""

    def __init__(self, dataplane: Dataplane, clock: Callable[[], float]) -> None:
        self._dataplane, self._clock = dataplane, clock
        self._heard: dict[Address, float] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """From now on the ports are tried."""
        self._task = asyncio.get_running_loop().create_task(self._try_ports())

    def stop(self) -> None:
        """They are tried no more."""
        if self._task is not None:
            self._task.cancel()

    def why_not_alive(self) -> str | None:
        """See the function of this name; a process that does not listen yet, or no more, is alive."""
        if self._task is None:
            return None
        return why_not_alive(self._clock(), self._dataplane.looked_at, self._heard)

    async def _try_ports(self) -> None:
        while True:
            pod = self._dataplane
            addresses = (*pod.client_addresses, *pod.client_tls_addresses, *pod.hop_addresses)
            self._heard = {address: self._heard.get(address, self._clock()) for address in addresses}
            for address in addresses:
                if await takes_connections(address):
                    self._heard[address] = self._clock()
            await asyncio.sleep(EVERY)


async def takes_connections(address: Address) -> bool:
    """Whether a connection to the port is taken by whoever listens: one that ends at once is closed by the other end,
    which a connection that only the kernel has is not."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address[0], address[0])  # noqa: S104 - not bound, replaced
    loop = asyncio.get_running_loop()
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(PATIENCE):
            with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as connection:
                connection.setblocking(False)
                await loop.sock_connect(connection, (host, address[1]))
                try:
                    connection.shutdown(socket.SHUT_WR)
                    await loop.sock_recv(connection, 1)
                except ConnectionResetError:
                    pass
                return True
    return False
