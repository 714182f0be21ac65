"""The tunnels of one process: how many there may be, how long they may be silent, and how they end."""

from collections.abc import Callable
from dataclasses import dataclass

from shield_proxy.tiers.messages.errors import Unanswerable
from shield_proxy.tiers.telemetry.counters import Counters
from shield_proxy.wire.flow.tunnel import Tunnel


@dataclass(frozen=True, slots=True)
class TunnelLimits:
    """Of one process."""

    most: int = 4096
    """Open at one time; more are refused with 503."""
    idle: int = 900
    """Seconds without a byte in either direction after which a tunnel is closed."""
    half: float = 60
    """The same once one side sends no more."""
    drain: int = 10
    """Seconds that open tunnels get when the process ends; then they are closed."""
    linger: float = 5
    """Seconds in which a closing tunnel may deliver what is queued."""


DEFAULT = TunnelLimits()


class Tunnels:
    """Those that are open."""

    __slots__ = ("_clock", "_counters", "_limits", "_open", "_taken")

    def __init__(self, limits: TunnelLimits, counters: Counters, clock: Callable[[], float]) -> None:
        self._limits, self._counters, self._clock = limits, counters, clock
        self._open: set[Tunnel] = set()
        self._taken = 0
        """Places of those that are open or asked for."""

    def __len__(self) -> int:
        return len(self._open)

    def take_place(self) -> None:
        """One more may be asked for, and run(); Unanswerable where there are too many."""
        if self._taken >= self._limits.most:
            raise Unanswerable(503, "too-many-tunnels")
        self._taken += 1

    def give_place(self) -> None:
        """What was asked for did not become a tunnel."""
        self._taken -= 1

    async def run(self, tunnel: Tunnel) -> None:
        """Lets it run until both connections are gone, then gives its place back; cancelled, it cuts them."""
        self._open.add(tunnel)
        self._counters.add("shield_tunnels_opened_total")
        try:
            tunnel.begin()
            await tunnel.over
        finally:
            if not tunnel.over.done():
                tunnel.cut()
            self._open.discard(tunnel)
            self._taken -= 1
            self._counters.add_kind("shield_tunnels_ended_total", tunnel.how)

    def sweep(self, now: float) -> None:
        """Looks at every tunnel's deadline; call it about once a second."""
        limits = self._limits
        for tunnel in tuple(self._open):
            tunnel.sweep(now, min(limits.idle, limits.half) if tunnel.half else limits.idle, limits.linger)

    def end(self) -> None:
        """Closes all, after what is queued for them."""
        for tunnel in tuple(self._open):
            tunnel.end("drain")

    def cut(self) -> None:
        """Ends all at once."""
        for tunnel in tuple(self._open):
            tunnel.cut()
