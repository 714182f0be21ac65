"""Which alerts of a namespace are delivered where they name more targets together than a courier serves: operator and
courier come to the same by themselves. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from shield_proxy.config.alerts.contract import MOST_TARGETS


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """An alert in the line for targets; the oldest is the first."""

    created: str = ""
    """metadata.creationTimestamp, RFC 3339 UTC in whole seconds."""
    name: str = ""
    uid: str = ""
    targets: int = 0
    """As many as its spec names, whether they can be used or not."""


def place_of(resource: Mapping[str, Any]) -> Place:
    """The place of a HealthAlert as the API has it."""
    metadata, spec = resource.get("metadata") or {}, resource.get("spec")
    targets = spec.get("targets") if isinstance(spec, Mapping) else None
    return Place(
        created=str(metadata.get("creationTimestamp") or ""),
        name=str(metadata.get("name") or ""),
        uid=str(metadata.get("uid") or ""),
        targets=len(targets) if isinstance(targets, list) else 0,
    )


def left_out(places: Iterable[Place]) -> frozenset[str]:
    """The uids of the alerts for which there is no room: that with which the older ones have more targets than
    MOST_TARGETS, and all that are younger. An alert that is made never takes the place of an older one."""
    targets, out = 0, set()
    for place in sorted(places):
        targets += place.targets
        if targets > MOST_TARGETS:
            out.add(place.uid)
    return frozenset(out)
