"""Following the files of zones' certificates: off the event loop, at once where zones change, and now and then."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator

from shield_proxy.config.state import FleetState
from shield_proxy.tiers.families import Family, labelled
from shield_proxy.wire.certificates import Certificates

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


class CertificateFollower:
    """Reads what the zones name; `use` stands before whoever else uses a state."""

    def __init__(self, certificates: Certificates, use: Callable[[FleetState], None]) -> None:
        self._certificates, self._use = certificates, use
        self._wanted = asyncio.Event()

    def use(self, state: FleetState) -> None:
        """The state is in use; its certificates follow."""
        self._use(state)
        self._wanted.set()

    def hurry(self) -> None:
        """The files are looked at without waiting for the next time."""
        self._wanted.set()

    async def run(self) -> None:
        """Looks until it is cancelled."""
        while True:
            self._wanted.clear()
            await asyncio.to_thread(self._certificates.look)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(POLL_SECONDS):
                    await self._wanted.wait()
