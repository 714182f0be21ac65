"""Services: the edge of each zone, and a headless one per tier and data centre by which pods find each other."""

from shield_operator.core import naming
from shield_operator.core.layout import Layout
from shield_operator.core.objects.common import Object, metadata
from shield_operator.core.places import Place
from shield_operator.core.spec import ExposureSpec, ExposureType
from shield_operator.core.world import ZoneObject
from shield_proxy.config import contract
from shield_proxy.config.contract import Tier


def headless(layout: Layout, tier: Tier, place: Place) -> Object:
    """The addresses of a tier's pods in a data centre, also of those not ready: a starting pod asks its peers."""
    fleet = layout.key.name
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(layout, naming.tier(fleet, tier, place.key), naming.tier_labels(fleet, tier, place.key)),
        "spec": {
            "type": "ClusterIP",
            "clusterIP": "None",
            "publishNotReadyAddresses": True,
            "selector": naming.tier_selector(fleet, tier, place.key),
            "ports": [{"name": "hop", "port": contract.HOP_PORT, "targetPort": "hop", "protocol": "TCP"}],
        },
    }


def edge(layout: Layout, zone: ZoneObject, exposure: ExposureSpec, tls: bool) -> Object:
    """The Service of one zone's clients, owned by that zone alone; it prefers lower pods in the client's own zone. With
    `tls` it has a port for HTTPS too."""
    fleet = layout.key.name
    ports = [_port("http", exposure.port, "client", exposure.node_port)]
    if tls:
        ports.append(_port("https", exposure.tls_port, "client-tls", exposure.tls_node_port))
    meta = metadata(
        layout,
        naming.edge(zone.name),
        {**naming.fleet_labels(fleet, "edge"), naming.LABEL_ZONE: zone.name},
        exposure.annotations,
    )
    meta["ownerReferences"] = [dict(naming.owner(naming.ZONE_KIND, zone.name, zone.uid))]
    spec: Object = {
        "type": str(exposure.type),
        "selector": naming.edge_selector(fleet),
        "trafficDistribution": "PreferSameZone",
        "ports": ports,
    }
    if exposure.type is ExposureType.NODE_PORT:
        spec["externalTrafficPolicy"] = str(exposure.traffic_policy)
    return {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec}


def _port(name: str, port: int, target: str, node_port: int | None) -> Object:
    out: Object = {"name": name, "port": port, "targetPort": target, "protocol": "TCP"}
    if node_port is not None:
        out["nodePort"] = node_port
    return out
