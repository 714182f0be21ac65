"""The addresses of the shield's own Services, as probers are told them: a set that changes is told once it is steady,
for to tell it is a write of each CronJob, and only runs that begin later hear it. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from shield_proxy.config.checks.contract import MOST_INTERNAL

STEADY_SECONDS = 60.0
"""That a set must be seen unchanged before it is told."""
MOST_SECONDS = 600.0
"""After which it is told though it changes all the time."""


@dataclass(frozen=True, slots=True)
class OwnServices:
    """Addresses, sorted."""

    told: tuple[str, ...] = ()
    """What the probers' CronJobs say."""
    seen: tuple[str, ...] = ()
    """What there was at the last look."""
    steady: float = 0.0
    """Since when `seen` is what it is."""
    differing: float | None = None
    """Since when it is not what was told; None: it is."""


def bounded(addresses: Iterable[str]) -> tuple[str, ...]:
    """As many as a prober takes, the same ones in whatever order they come."""
    return tuple(sorted(set(addresses))[:MOST_INTERNAL])


def followed(before: OwnServices | None, seen: tuple[str, ...], now: float) -> OwnServices:
    """After one more look. Who knows nothing of a look before tells what there is."""
    if before is None or seen == before.told:
        return OwnServices(seen, seen, now if before is None or seen != before.seen else before.steady)
    steady = before.steady if seen == before.seen else now
    differing = now if before.differing is None else before.differing
    if now - steady >= STEADY_SECONDS or now - differing >= MOST_SECONDS:
        return OwnServices(seen, seen, steady)
    return OwnServices(before.told, seen, steady, differing)
