"""What the operator made comes back as it made it, whatever a hand did to it; what others added stays."""

import base64
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from product import objects
from product.install import Installed
from product.polling import poll
from shield_proxy.config.record import join_chunks, read_record

OWNED = "app.kubernetes.io/managed-by=shield-operator"
KINDS = "deploy,svc,cm,pdb,netpol,sa"


def names(product: Installed, namespace: str) -> set[tuple[str, str]]:
    """(kind, name) of the operator's children in a namespace."""
    return {(i["kind"].lower(), i["metadata"]["name"]) for i in product.tools.list(KINDS, namespace, OWNED)}


def damaged(item: Mapping[str, Any]) -> dict[str, Any]:
    """A merge patch that a hand might make on this kind of object."""
    match item["kind"]:
        case "Deployment":
            return {"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 1}}}}
        case "Service":
            return {"spec": {"selector": {"smartshield.io/tier": "nowhere"}}}
        case "ConfigMap":
            return {"binaryData": {"chunk": "Z2FyYmFnZQ=="}}
        case "PodDisruptionBudget":
            return {"spec": {"maxUnavailable": 0}}
        case "NetworkPolicy":
            return {"spec": {"ingress": []}}
        case _:
            return {"automountServiceAccountToken": True}


def picture(item: Mapping[str, Any] | None) -> Any:
    """What must be as before: the fields without what the API server counts."""
    if item is None:
        return None
    kept = {key: item.get(key) for key in ("spec", "automountServiceAccountToken")}
    return kept | {"labels": item["metadata"]["labels"], "state": content(item)}


def content(item: Mapping[str, Any]) -> Any:
    """What a record says but for its generation, which goes up when it has to be written anew; None: no record."""
    chunk = base64.b64decode(item.get("binaryData", {}).get("chunk", ""))
    record = join_chunks([chunk])
    if record is None:
        return None if item["kind"] != "ConfigMap" or not chunk else "garbage"
    state = read_record(record)
    zones = tuple(replace(zone, generation=0) for zone in state.zones)
    return replace(state, generation=0, zones=zones)


def test_every_child_edited_or_deleted_by_hand_is_restored(product: Installed, space: str) -> None:
    """Each object of a zone with two pods in one data centre: edited, then deleted; it returns, and a foreign
    annotation stays."""
    tools = product.tools
    tools.apply(
        objects.fleet("default", space, lower={"replicas": 2}),
        objects.zone("mended", space, ["mended.example.com"], placement={"dataCenters": ["us/sjc"]}),
    )
    product.wait_ready(space, "mended")
    children = tools.list(KINDS, space, OWNED)
    assert {c["kind"] for c in children} >= {
        "Deployment",
        "Service",
        "ConfigMap",
        "PodDisruptionBudget",
        "ServiceAccount",
    }
    before = {(c["kind"], c["metadata"]["name"]): picture(c) for c in children}
    for child in children:
        kind, name = child["kind"], child["metadata"]["name"]
        tools.kubectl("annotate", kind.lower(), name, "-n", space, "example.com/mine=yes")
        tools.patch(kind.lower(), name, space, damaged(child))
    for (kind, name), wanted in before.items():
        poll(f"{kind} {name} is as it was", lambda k=kind, n=name, w=wanted: same(product, k, n, space, w), 60)
        item = tools.get(kind.lower(), name, space)
        assert item is not None
        assert item["metadata"]["annotations"]["example.com/mine"] == "yes", f"{kind} {name} lost a foreign annotation"
    uids = {(c["kind"], c["metadata"]["name"]): c["metadata"]["uid"] for c in children}
    for kind, name in before:
        tools.delete(kind.lower(), name, space, wait=False)
    for (kind, name), uid in uids.items():
        poll(f"{kind} {name} is back", lambda k=kind, n=name, u=uid: renewed(product, k, n, space, u), 60)
    secrets = tools.list("secrets", space, OWNED)
    assert secrets, "certificates and the Redis password are Secrets"
    for secret in secrets:
        tools.delete("secret", secret["metadata"]["name"], space)
    for secret in secrets:
        poll(
            f"Secret {secret['metadata']['name']} is back with the same content",
            lambda s=secret: (tools.get("secret", s["metadata"]["name"], space) or {}).get("data") == s["data"],
            90,
        )
    product.wait_ready(space, "mended")


def same(product: Installed, kind: str, name: str, namespace: str, wanted: Any) -> bool:
    """Whether the object looks as it did."""
    found = picture(product.tools.get(kind.lower(), name, namespace))
    assert found == wanted, f"{kind} {name}: {found} instead of {wanted}"
    return True


def renewed(product: Installed, kind: str, name: str, namespace: str, uid: str) -> bool:
    """Whether another object of that name is there."""
    found = product.tools.get(kind.lower(), name, namespace)
    return found is not None and found["metadata"]["uid"] != uid and "deletionTimestamp" not in found["metadata"]
