"""Origins that are unhealthy by the zone state, as figures."""

from collections.abc import Iterator
from itertools import islice

from shield_proxy.config.fallbacks import in_use
from shield_proxy.config.state import FleetState
from shield_proxy.tiers.telemetry.families import Family, Sample, labelled

MOST = 1000
"""Samples; what is healthy has none."""


def origin_families(state: FleetState | None) -> Iterator[Family]:
    """A sample for each origin that is unhealthy."""
    yield (
        "shield_origin_unhealthy",
        "gauge",
        "1 for each origin that its health check calls unhealthy; who gets its requests, empty where they are refused.",
        list(islice(_samples(state), MOST)),
    )


def _samples(state: FleetState | None) -> Iterator[Sample]:
    for zone in state.zones if state is not None else ():
        unhealthy = [origin.name for origin in zone.origins if origin.unhealthy]
        serving = in_use(zone.origins) if unhealthy else {}
        for name in unhealthy:
            who = serving[name]
            label = f"{zone.namespace}/{zone.name}"
            yield labelled(zone=label, origin=name, serving=who.name if who is not None else ""), 1.0
