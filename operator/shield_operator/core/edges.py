"""The Services by which clients reach zones: which of them a plan applies."""

from collections.abc import Mapping, Sequence
from typing import Any

from shield_operator.core.decision import Decision
from shield_operator.core.departures import awaited
from shield_operator.core.objects import services
from shield_operator.core.objects.common import Object
from shield_operator.core.situation import Situation
from shield_operator.core.spec import ExposureSpec, ExposureType, ZoneSpec
from shield_operator.core.world import World, ZoneObject


def edges(
    zones: Sequence[ZoneObject], decided: Decision, situations: Mapping[str, Situation], world: World
) -> list[Object]:
    """Of each zone whose spec is put into effect, once this fleet can serve it. One that is paused or refused keeps its
    Service as it is; where somebody deleted it, it is made anew."""
    out = []
    for zone in zones:
        situation = situations[zone.uid]
        if zone.uid in decided.moving and isinstance(zone.spec, ZoneSpec):
            if not awaited(zone, situation, world):
                tls = zone.spec.certificate is not None
                out.append(services.edge(decided.layout, zone, zone.spec.exposure, tls))
        elif situation.part is not None and zone.uid not in world.edge_services:
            tls = situation.part.certificate is not None
            out.append(services.edge(decided.layout, zone, _remembered(zone), tls))
    return out


def _remembered(zone: ZoneObject) -> ExposureSpec:
    """The exposure of the spec; of one that can't be decoded as much as the status tells."""
    if isinstance(zone.spec, ZoneSpec):
        return zone.spec.exposure
    ports: dict[str, Mapping[str, Any]] = {}
    for entry in zone.status.get("endpoints") or ():
        if isinstance(entry, Mapping):
            ports.setdefault(str(entry.get("scheme", "http")), entry)
    plain, tls = ports.get("http", {}), ports.get("https", {})
    node_port, tls_node_port = plain.get("nodePort"), tls.get("nodePort")
    return ExposureSpec(
        type=ExposureType.NODE_PORT if node_port or tls_node_port else ExposureType.CLUSTER_IP,
        port=int(plain.get("port", 80)),
        tls_port=int(tls.get("port", 443)),
        node_port=node_port,
        tls_node_port=tls_node_port,
    )
