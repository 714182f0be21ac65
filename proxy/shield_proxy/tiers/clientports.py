"""The ports that clients connect to, plain and TLS: they answer alike, share their limits, and end together."""

from collections.abc import Callable, Iterable

from shield_proxy.config.state import Zone
from shield_proxy.tiers.settings import Addresses, DataplaneSettings
from shield_proxy.tiers.telemetry.counters import Counters
from shield_proxy.wire.serving.doors import RESULTS, Entry, Room
from shield_proxy.wire.serving.listener import Listener
from shield_proxy.wire.serving.pages import Pages
from shield_proxy.wire.serving.server import ServerConnection
from shield_proxy.wire.serving.service import Service
from shield_proxy.wire.serving.trusted import TrustedProxies
from shield_proxy.wire.tls.certificates import Certificates

PAGES_SHARE = 8
"""Of the memory budget a part so small is for bodies that are kept twice."""
OPENINGS = "shield_client_openings_total"


class ClientPorts:
    """Both ports; whoever makes them looks at sweep() about once a second, and at last calls close()."""

    def __init__(
        self,
        service: Service,
        settings: DataplaneSettings,
        trusted: TrustedProxies,
        clock: Callable[[], float],
        charge: Callable[[int], None],
    ) -> None:
        """`charge` is told what is kept in memory beside the store, and with negative figures what no longer is."""
        self._settings = settings
        self.certificates = Certificates(settings.certificates_dir, settings.certificate_files, clock)
        room = Room(settings.server.connections)
        plain = Entry(settings.proxy_protocol, trusted)
        secured = Entry(settings.proxy_protocol, trusted, self.certificates)
        self._pages = Pages(settings.memory_bytes // PAGES_SHARE, charge)
        self._plain = Listener(
            ServerConnection, service, settings.server, clock, entry=plain, room=room, pages=self._pages
        )
        self._secured = Listener(ServerConnection, service, settings.server, clock, entry=secured, room=room)
        self._both = (self._plain, self._secured)

    async def listen(self) -> None:
        """Listens; OSError where an address is taken."""
        await self._plain.listen(self._settings.client_listen)
        await self._secured.listen(self._settings.client_tls_listen)

    @property
    def addresses(self) -> Addresses:
        """(host, port) of the plain port."""
        return self._plain.addresses

    @property
    def tls_addresses(self) -> Addresses:
        """(host, port) of the TLS port."""
        return self._secured.addresses

    def use(self, zones: Iterable[Zone]) -> None:
        """Names are those of these zones; their certificates are there once somebody looked."""
        self.certificates.use(zones if self._settings.client_tls_listen else ())

    @property
    def connections(self) -> int:
        """Open connections."""
        return sum(port.connections for port in self._both)

    @property
    def refused(self) -> int:
        """Connections that found no room."""
        return sum(port.refused + port.door.refused for port in self._both)

    def sweep(self, now: float) -> None:
        """Looks at deadlines."""
        for port in self._both:
            port.sweep(now)

    def take_waiting(self) -> None:
        """See Listener."""
        for port in self._both:
            port.take_waiting()

    def begin_drain(self) -> None:
        """Every answer closes its connection."""
        for port in self._both:
            port.begin_drain()

    def stop_listening(self) -> None:
        """No new connections."""
        for port in self._both:
            port.stop_listening()

    def close_idle(self) -> None:
        """Ends connections without a request."""
        for port in self._both:
            port.close_idle()

    def close(self) -> None:
        """Ends all connections."""
        for port in self._both:
            port.close()
        self._pages.close()

    def tell(self, counters: Counters) -> None:
        """Brings the figures up to date."""
        for result in RESULTS:
            if count := sum(port.door.results[result] for port in self._both):
                counters.by_kind[OPENINGS, result] = count
        counters.gauges["shield_client_openings"] = sum(port.door.openings for port in self._both)
