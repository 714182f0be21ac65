"""Custom resources that tests and the demo apply."""

from collections.abc import Mapping, Sequence
from typing import Any

API = "smartshield.io/v1alpha1"


def namespace(name: str) -> dict[str, Any]:
    """A Namespace that admits restricted pods only: the product must run there."""
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": name, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}},
    }


def zone(
    name: str,
    namespace: str,
    hosts: Sequence[str],
    origin: str = "origin-eu.example.com",
    **spec: Any,
) -> dict[str, Any]:
    """A zone with one origin called main, unless `spec` names others."""
    return {
        "apiVersion": API,
        "kind": "SmartShieldZone",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"hosts": list(hosts), "origins": [{"name": "main", "address": origin, "port": 80}], **spec},
    }


def fleet(name: str, namespace: str, **spec: Any) -> dict[str, Any]:
    """A ShieldFleet."""
    return {
        "apiVersion": API,
        "kind": "ShieldFleet",
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }


def condition(item: Mapping[str, Any] | None, type_: str) -> Mapping[str, Any]:
    """The condition of that type, or an empty one."""
    for found in ((item or {}).get("status") or {}).get("conditions", []):
        if found["type"] == type_:
            return dict(found)
    return {}
