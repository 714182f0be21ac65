"""What one probe found, as a value, and its stages under the names that people see. Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from shield_proxy.config.checks.reasons import Reason


@dataclass(frozen=True, slots=True)
class Waterfall:
    """Seconds that each stage of the last attempt took, those of redirects added; None: it was not come to. A stage
    that failed took until then."""

    dns: float | None = None
    tcp: float | None = None
    tls: float | None = None
    first_byte: float | None = None
    """From asking to the first byte of the response."""
    total: float = 0.0
    """From the attempt's beginning to its end, the body's beginning included."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The outcome of one probe, all of its attempts included."""

    at: float
    """Seconds since the epoch, when it began."""
    reason: Reason | None
    """None: healthy."""
    detail: str = ""
    """Short; what was expected and what came."""
    code: int | None = None
    """Of the last response."""
    address: str | None = None
    """That the last connection led to, or was tried with."""
    waterfall: Waterfall = Waterfall()
    attempts: int = 1
    """0: no probe was sent."""

    @property
    def healthy(self) -> bool:
        """What was expected came in time."""
        return self.reason is None


LONGEST_DETAIL = 300
"""Characters of a detail."""


def sample_fields(sample: Sample) -> dict[str, Any]:
    """What programs are told of a sample beside its waterfall: what there is not is None or ""; `at` in RFC 3339."""
    return {
        "at": datetime.fromtimestamp(sample.at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "healthy": sample.healthy,
        "reason": sample.reason.value if sample.reason is not None else None,
        "detail": sample.detail,
        "code": sample.code,
        "address": sample.address,
        "attempts": sample.attempts,
    }


def in_milliseconds(waterfall: Waterfall) -> dict[str, float]:
    """The stages that were come to, named as in `status.probes[].waterfall`."""
    stages = {
        "dnsMilliseconds": waterfall.dns,
        "tcpMilliseconds": waterfall.tcp,
        "tlsMilliseconds": waterfall.tls,
        "firstByteMilliseconds": waterfall.first_byte,
        "totalMilliseconds": waterfall.total or None,
    }
    return {name: round(seconds * 1000, 1) for name, seconds in stages.items() if seconds is not None}
