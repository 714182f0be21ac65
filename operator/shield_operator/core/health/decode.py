"""HealthCheck resources, and the entries of data centres in their status, as values. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shield_operator.core.health.world import CheckObject
from shield_proxy.config.checks.check import Check
from shield_proxy.config.checks.contract import PREVIEW
from shield_proxy.config.checks.decode import decode_check
from shield_proxy.config.checks.health import Health
from shield_proxy.config.reading import InvalidField


@dataclass(frozen=True, slots=True)
class Entry:
    """What a data centre wrote of itself. Nothing of it is believed but for its own vote."""

    data_center: str
    health: Health
    reason: str
    detail: str
    round_trip: float | None
    """Milliseconds."""
    generation: int
    """Of the spec that it probed by; 0 where it does not say."""

    @property
    def region(self) -> str:
        """What it says of its region is not asked."""
        return self.data_center.partition("/")[0]


def check_object(body: Mapping[str, Any]) -> CheckObject:
    """The check of a HealthCheck as the API server has it."""
    metadata = body["metadata"]
    spec = body.get("spec") or {}
    decoded: Check | InvalidField
    try:
        decoded = decode_check(body)
    except InvalidField as problem:
        decoded = problem
    named = spec.get("checkRegions")
    return CheckObject(
        uid=metadata["uid"],
        name=metadata["name"],
        generation=metadata.get("generation", 0),
        created=metadata.get("creationTimestamp") or "",
        spec=decoded,
        regions=tuple(name for name in named if isinstance(name, str)) if isinstance(named, list) else (),
        suspended=spec.get("suspended") is True,
        status=body.get("status") or {},
        deleting="deletionTimestamp" in metadata,
        labels=metadata.get("labels") or {},
        preview=(metadata.get("annotations") or {}).get(PREVIEW) == "true",
    )


def entries_of(status: Mapping[str, Any]) -> tuple[Entry, ...]:
    """The entries of a status, in its order; one that is not as it should be has no opinion."""
    return tuple(_entry(item) for item in sequence(status.get("probes")) if isinstance(item.get("dataCenter"), str))


def sequence(value: Any) -> Sequence[Mapping[str, Any]]:
    """The objects of a list; none where it is no list."""
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def health_of(value: Any) -> Health:
    """The health that a field of a status says; unknown where it says none."""
    return Health(value) if value in tuple(Health) else Health.UNKNOWN


def _entry(item: Mapping[str, Any]) -> Entry:
    milliseconds, generation = item.get("roundTripMilliseconds"), item.get("observedGeneration")
    return Entry(
        data_center=item["dataCenter"],
        health=health_of(item.get("health")),
        reason=str(item.get("reason") or ""),
        detail=str(item.get("detail") or ""),
        round_trip=float(milliseconds) if isinstance(milliseconds, int | float) else None,
        generation=generation if isinstance(generation, int) else 0,
    )
