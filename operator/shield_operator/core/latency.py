"""What the pods' reports say about the way from each data centre to a backend."""

from collections.abc import Mapping
from dataclasses import dataclass

from shield_operator.core.world import World
from shield_proxy.config.contract import Tier
from shield_proxy.config.reports import Measurement

OLDEST_SECONDS = 60.0
"""A measurement last tried longer ago says nothing: pods try each backend every 10 s."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A data centre's view of a backend. A data centre without one is unknown, which is not the same as failing."""

    seconds: float | None
    """Connect time; None: nothing succeeded lately."""
    error: str | None = None


Latencies = Mapping[str, Seen]
"""Data centre key -> its view."""


def read_latencies(world: World) -> Mapping[tuple[str, str], Latencies]:
    """(zone UID, backend) -> data centre -> the newest view any lower pod there has."""
    newest: dict[tuple[str, str], dict[str, tuple[float, str, Measurement]]] = {}
    for pod in world.pods:
        report = world.reports.get(pod.name)
        if report is None or pod.tier is not Tier.LOWER or pod.deleting:
            continue
        for measurement in report.measurements:
            if measurement.age_seconds > OLDEST_SECONDS:
                continue
            found = newest.setdefault((measurement.zone, measurement.backend), {})
            entry = (measurement.age_seconds, pod.name, measurement)
            if pod.data_center not in found or entry[:2] < found[pod.data_center][:2]:
                found[pod.data_center] = entry
    return {
        backend: {key: Seen(m.connect_seconds, m.error) for key, (_, _, m) in sorted(found.items())}
        for backend, found in newest.items()
    }
