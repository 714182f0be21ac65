"""What the pods' reports say about the way from each data centre to a backend."""

from collections.abc import Mapping
from dataclasses import dataclass

from shield_operator.core.world import World
from shield_proxy.config.contract import Tier
from shield_proxy.config.reports import Measurement

OLDEST_SECONDS = 60.0
"""A measurement last tried longer ago says nothing: pods try each backend every 10 s."""
ENOUGH_SAMPLES = 3
"""Pods try a new backend three times within a second: the lowest of three is distance, one may be a busy moment."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A data centre's view of a backend. A data centre without one is unknown, which is not the same as failing."""

    seconds: float | None
    """Connect time; None: nothing succeeded lately."""
    error: str | None = None
    enough: bool = True
    """Made of as many samples as a first assignment should wait for."""


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
        backend: {key: _seen(measurement) for key, (_, _, measurement) in sorted(found.items())}
        for backend, found in newest.items()
    }


def _seen(measurement: Measurement) -> Seen:
    return Seen(measurement.connect_seconds, measurement.error, measurement.samples >= ENOUGH_SAMPLES)
