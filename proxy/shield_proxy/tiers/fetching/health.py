"""What requests have learned about the addresses they were sent to: a breaker for each that ever failed."""

import logging
from collections.abc import Callable

from shield_proxy.tiers.routing.ring import Address
from shield_proxy.tiers.telemetry.counters import Counters
from shield_proxy.wire.upstream.breaker import Breaker, BreakerLimits, Phase

log = logging.getLogger(__name__)

OF_ORIGINS = BreakerLimits()
OF_PODS = BreakerLimits(failures=1)
"""There are other pods: one failure is enough to ask them."""
MOST = 10_000

Change = Callable[[Address, Breaker], None]


class Breakers:
    """An address nobody complained about has no breaker: requests to it cost a look into an empty dict."""

    __slots__ = ("_chance", "_known", "_limits", "_tell")

    def __init__(self, limits: BreakerLimits, chance: Callable[[], float], tell: Change | None = None) -> None:
        """`chance` gives numbers in [0, 1); `tell` is told whenever a breaker has changed its phase."""
        self._limits, self._chance, self._tell = limits, chance, tell
        self._known: dict[Address, Breaker] = {}

    def suspects(self, host: str, port: int) -> bool:
        """Whether the address failed lately: what becomes of its requests must be told."""
        return bool(self._known) and (host, port) in self._known

    @property
    def open(self) -> int:
        """Breakers that are not closed."""
        return sum(breaker.phase is not Phase.CLOSED for breaker in self._known.values())

    def usable(self, address: Address, now: float) -> bool:
        """Whether a request may be sent. No claim is made: see claim()."""
        breaker = self._known.get(address)
        return breaker is None or breaker.usable(now)

    def cause(self, address: Address) -> str:
        """How the latest request to an address with a breaker failed."""
        return self._known[address].cause

    def claim(self, address: Address, now: float) -> None:
        """A request is sent now: if it is on trial, no other is until it was answered or has failed."""
        breaker = self._known.get(address)
        if breaker is not None:
            was = breaker.phase
            if breaker.claim(now) and was is Phase.OPEN:
                self._changed(address, breaker)

    def failed(self, address: Address, now: float, cause: str) -> bool:
        """A request could not be answered; True if that opened the breaker."""
        breaker = self._known.get(address)
        if breaker is None:
            self._make_room(now)
            breaker = self._known[address] = Breaker(self._limits)
        opened = breaker.failed(now, cause, self._chance())
        if opened:
            self._changed(address, breaker)
        return opened

    def answered(self, address: Address, now: float) -> None:
        """A request was answered, however."""
        breaker = self._known.get(address)
        if breaker is None:
            return
        if breaker.succeeded(now):
            self._changed(address, breaker)
        elif breaker.forgettable(now):
            del self._known[address]

    def _make_room(self, now: float) -> None:
        if len(self._known) >= MOST:
            self._known = {a: b for a, b in self._known.items() if not b.forgettable(now)}
        while len(self._known) >= MOST:
            del self._known[next(iter(self._known))]

    def _changed(self, address: Address, breaker: Breaker) -> None:
        if self._tell is not None:
            self._tell(address, breaker)


def announcing(counters: Counters, whose: str, clock: Callable[[], float]) -> Change:
    """Counts and logs changes; `whose` is origin or pod."""

    def tell(address: Address, breaker: Breaker) -> None:
        counters.add_kind("shield_breaker_transitions_total", f"{whose}-{breaker.phase}")
        shown = f"{address[0]}:{address[1]}"
        if breaker.phase is Phase.OPEN:
            log.warning("%s %s: asked no more for %.1f s: %s", whose, shown, breaker.opens_in(clock()), breaker.cause)
        elif breaker.phase is Phase.CLOSED:
            log.info("%s %s: answers again", whose, shown)
        else:
            log.info("%s %s: tried with one request", whose, shown)

    return tell
