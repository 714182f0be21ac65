"""What protects the pods: disruption budgets, network policies, and an account without rights."""

from shield_operator.core import naming
from shield_operator.core.layout import Layout
from shield_operator.core.objects.common import Object, metadata
from shield_operator.core.objects.redis import PORT as REDIS_PORT
from shield_operator.core.places import Place
from shield_proxy.config import contract
from shield_proxy.config.contract import Tier

CLIENTS = (contract.CLIENT_PORT, contract.CLIENT_TLS_PORT, contract.HEALTH_PORT)
"""Ports of a proxy that anybody may reach."""


def service_account(layout: Layout) -> Object:
    """The account of all pods of the fleet; it has no rights, and no token is mounted."""
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": metadata(
            layout,
            naming.service_account(layout.key.name),
            naming.fleet_labels(layout.key.name, "pods"),
        ),
        "automountServiceAccountToken": False,
    }


def disruption_budget(layout: Layout, tier: Tier, place: Place) -> Object | None:
    """At most one pod of the tier leaves at a time; None for a single replica, which would never let a node drain."""
    if layout.replicas(tier, place.key) < 2:
        return None
    fleet = layout.key.name
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata(layout, naming.tier(fleet, tier, place.key), naming.tier_labels(fleet, tier, place.key)),
        "spec": {
            "maxUnavailable": 1,
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
            "selector": {"matchLabels": naming.tier_selector(fleet, tier, place.key)},
        },
    }


def proxies_policy(layout: Layout) -> Object:
    """Who reaches the proxies: clients the client ports, the fleet's pods hop and internal, the operator internal."""
    fleet = layout.key.name
    tiers = {
        "matchLabels": {naming.LABEL_FLEET: fleet},
        "matchExpressions": [
            {"key": naming.LABEL_TIER, "operator": "In", "values": [str(Tier.LOWER), str(Tier.UPPER)]}
        ],
    }
    operator = {"matchLabels": {"kubernetes.io/metadata.name": layout.installation.namespace}}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata(layout, naming.network_policy(fleet), naming.fleet_labels(fleet, "proxies")),
        "spec": {
            "podSelector": tiers,
            "policyTypes": ["Ingress"],
            "ingress": [
                {"ports": [_port(port) for port in CLIENTS]},
                {
                    "from": [{"podSelector": tiers}],
                    "ports": [_port(contract.HOP_PORT), _port(contract.INTERNAL_PORT)],
                },
                {"from": [{"namespaceSelector": operator}], "ports": [_port(contract.INTERNAL_PORT)]},
            ],
        },
    }


def redis_policy(layout: Layout, place: Place) -> Object:
    """Only the fleet's pods of the same data centre reach its Redis, and it reaches nobody."""
    fleet = layout.key.name
    peers = {
        "matchLabels": {
            naming.LABEL_FLEET: fleet,
            naming.LABEL_DATA_CENTER: naming.data_center_label(place.key),
        }
    }
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata(
            layout, naming.redis(fleet, place.key), naming.tier_labels(fleet, naming.REDIS, place.key)
        ),
        "spec": {
            "podSelector": {"matchLabels": naming.tier_selector(fleet, naming.REDIS, place.key)},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"from": [{"podSelector": peers}], "ports": [_port(REDIS_PORT)]}],
        },
    }


def _port(port: int) -> Object:
    return {"port": port, "protocol": "TCP"}
