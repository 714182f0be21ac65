"""Following the files of zones' certificates: off the event loop, at once where zones change, and now and then."""

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from shield_proxy.config.contract import Tier
from shield_proxy.config.reports import Problem
from shield_proxy.config.state import FleetState, Zone
from shield_proxy.process.settings import ProxySettings
from shield_proxy.tiers.telemetry.families import Family, labelled
from shield_proxy.wire.tls.certificates import Certificates

POLL_SECONDS = 5.0


def certificate_families(certificates: Certificates) -> Iterator[Family]:
    """How many certificates can be used, and when those in use end."""
    yield (
        "shield_certificates",
        "gauge",
        "Certificates that zones name, by what their files were when last looked at. What was in use stays in use.",
        [(labelled(state=state), count) for state, count in certificates.states().items()],
    )
    yield (
        "shield_certificate_expiry_timestamp_seconds",
        "gauge",
        "Unix time at which the certificate of a zone ends that is in use.",
        [(labelled(zone=zone), end) for zone, end in certificates.expiries()],
    )


def shown_where(settings: ProxySettings) -> Path | None:
    """Where the client certificates are that the process shows to origins; None where it asks none."""
    return settings.origin_tls_dir if settings.tier is Tier.UPPER else None


def shown_by(zones: Iterable[Zone]) -> Iterator[Zone]:
    """Each zone once for every client certificate that it shows to origins, as if clients got that one."""
    for zone in zones:
        named = {origin.tls.client_certificate for origin in zone.origins if origin.tls is not None}
        for name in sorted(name for name in named if name is not None):
            yield replace(zone, certificate=name, hosts=())


class CertificateFollower:
    """Reads what the zones name; `use` stands before whoever else uses a state."""

    def __init__(self, certificates: Certificates, shown: Path | None, use: Callable[[FleetState], None]) -> None:
        """`shown` is where client certificates are, for a process that asks origins: they are made use of elsewhere,
        here it is only seen whether they can be."""
        self._certificates, self._use = certificates, use
        self._shown = Certificates(shown) if shown is not None else None
        self._wanted = asyncio.Event()

    def use(self, state: FleetState) -> None:
        """The state is in use; its certificates follow."""
        self._use(state)
        if self._shown is not None:
            self._shown.use(shown_by(state.zones))
        self._wanted.set()

    def look(self) -> None:
        """Looks at the files."""
        self._certificates.look()
        if self._shown is not None:
            self._shown.look()

    def problems(self) -> Iterator[Problem]:
        """What zones name and this process can't use."""
        yield from self._certificates.problems()
        if self._shown is not None:
            yield from self._shown.problems()

    def hurry(self) -> None:
        """The files are looked at without waiting for the next time."""
        self._wanted.set()

    async def run(self) -> None:
        """Looks until it is cancelled."""
        while True:
            self._wanted.clear()
            await asyncio.to_thread(self.look)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(POLL_SECONDS):
                    await self._wanted.wait()
