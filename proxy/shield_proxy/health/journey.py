"""What is known of an attempt while it runs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from shield_proxy.health.reasons import ProbeFailed, Stage, of_deadline
from shield_proxy.health.sample import Waterfall

WAITING_FOR = {
    Stage.DNS: "no answer of the resolver",
    Stage.TCP: "no answer to the connection",
    Stage.TLS: "no end of the TLS handshake",
    Stage.FIRST_BYTE: "no response",
    Stage.REST: "no end of the response's head or of the body's first 10 KB",
}


class Journey:
    """One attempt: its stage, what each stage took, and what the last connection and response were."""

    __slots__ = ("_began", "_clock", "_spent", "address", "code", "stage", "unacknowledged")

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._began = clock()
        self._spent: dict[Stage, float] = {}
        self.stage = Stage.DNS
        self.address: str | None = None
        self.code: int | None = None
        self.unacknowledged = False
        """When the connection was given up, the peer's machine had not taken what was sent, nor what was sent again."""

    @contextmanager
    def at(self, stage: Stage) -> Iterator[None]:
        """The time until the block ends, by whatever, is the stage's."""
        self.stage = stage
        began = self._clock()
        try:
            yield
        finally:
            self._spent[stage] = self._spent.get(stage, 0.0) + self._clock() - began

    def waterfall(self) -> Waterfall:
        """Up to now."""
        dns, tcp, tls, first = map(self._spent.get, (Stage.DNS, Stage.TCP, Stage.TLS, Stage.FIRST_BYTE))
        return Waterfall(dns, tcp, tls, first, self._clock() - self._began)

    def late(self, seconds: float) -> ProbeFailed:
        """What it means that so many seconds are over."""
        reason = of_deadline(self.stage, self.unacknowledged)
        return ProbeFailed(reason, f"{WAITING_FOR[self.stage]} within {seconds:.3g} s", timed_out=True)
