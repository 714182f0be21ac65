"""What a zone brings into being, and that it stays so, on a real API server."""

import base64
import json
import time
from collections.abc import Callable
from typing import Any

from bareapi import BareApi
from operatorprocess import NAMESPACE, Running, add_zone, child_path, children, status, zone_path
from product.polling import poll

Start = Callable[[], Running]
Child = tuple[str, str]


def complete(api: BareApi, space: str) -> dict[Child, dict[str, Any]]:
    """The children of a space, once the zone's status has told of them."""
    poll("the zone has a status", lambda: status(api, space).get("conditions"), 30)
    return children(api, space)


def spoiled(child: Child) -> dict[str, Any]:
    """A hand edit of a child: a field the operator applies, a label of its own and one of somebody else."""
    edits: dict[str, dict[str, Any]] = {
        "Service": {"spec": {"selector": {"smartshield.io/fleet": "stolen"}}},
        "ConfigMap": {"binaryData": {"chunk": base64.b64encode(b"junk").decode()}},
        "ServiceAccount": {},
        "Deployment": {"spec": {"replicas": 7}},
        "PodDisruptionBudget": {"spec": {"maxUnavailable": 9}},
        "NetworkPolicy": {"spec": {"policyTypes": ["Egress"]}},
    }
    labels = {"app.kubernetes.io/managed-by": "stolen", "somebody.example/else": "kept"}
    return {"metadata": {"labels": labels}, **edits[child[0]]}


def face(body: dict[str, Any]) -> str:
    """What the operator applied of a child, as text."""
    labels = {k: v for k, v in body["metadata"]["labels"].items() if "somebody" not in k}
    content = {k: v for k, v in body.items() if k not in ("metadata", "status")}
    return json.dumps([labels, body["metadata"]["ownerReferences"], content], sort_keys=True)


def test_every_child_edited_or_deleted_by_hand_is_restored(api: BareApi, start: Start, space: str) -> None:
    start()
    fleet = {"lower": {"replicas": 2}, "upper": {"replicas": 1}}
    api.call(
        "POST",
        f"/apis/smartshield.io/v1alpha1/namespaces/{space}/shieldfleets",
        {
            "apiVersion": "smartshield.io/v1alpha1",
            "kind": "ShieldFleet",
            "metadata": {"name": "default", "namespace": space},
            "spec": fleet,
        },
    )
    add_zone(api, space)
    before = complete(api, space)
    assert {kind for kind, _ in before} == {
        "Service",
        "ConfigMap",
        "ServiceAccount",
        "Deployment",
        "PodDisruptionBudget",
        "NetworkPolicy",
    }
    for child in before:
        api.merge(child_path(space, child), spoiled(child))

    def restored() -> bool:
        now = children(api, space)
        for child, body in before.items():
            assert child in now, child
            assert face(now[child]) == face(body), child
            assert now[child]["metadata"]["labels"].get("somebody.example/else") == "kept", child
        return True

    poll("edited children are restored, foreign labels stay", restored, 60)
    for child in before:
        api.call("DELETE", child_path(space, child))
    poll("deleted children are back", lambda: children(api, space).keys() == before.keys(), 60)


def test_a_resync_writes_nothing_where_nothing_changed(api: BareApi, start: Start, space: str) -> None:
    operator = start()
    add_zone(api, space)
    complete(api, space)

    def versions() -> dict[Child, str]:
        return {child: body["metadata"]["resourceVersion"] for child, body in children(api, space).items()}

    def quiet() -> bool:
        lines = [line for line in operator.lines() if line.get("key", "").startswith(f"{space}/")]
        return len(lines) > 3 and all(line["changed"] == 0 for line in lines[-3:])

    poll("the operator has nothing more to do", quiet, 30)
    before, zone = versions(), api.call("GET", zone_path(space, "shop"))
    began, laps = time.monotonic(), len(operator.lines())
    poll("a resync has passed", lambda: time.monotonic() - began > 33, 60)
    assert versions() == before
    assert api.call("GET", zone_path(space, "shop")) == zone
    assert len(operator.lines()) > laps
    assert all(line["changed"] == 0 for line in operator.lines()[laps:] if line.get("key", "").startswith(f"{space}/"))


def test_watching_leaves_no_trace_on_any_object(api: BareApi, start: Start, space: str) -> None:
    start()
    add_zone(api, space)
    found = [*complete(api, space).values(), api.call("GET", zone_path(space, "shop"))]
    events = api.call("GET", f"/api/v1/namespaces/{space}/events")["items"]
    for body in found:
        assert "finalizers" not in body["metadata"]
        assert "kopf" not in json.dumps(body)
    assert not [event for event in events if "kopf" in json.dumps(event)]


def test_what_a_zone_no_longer_needs_is_pruned_also_after_an_absence(api: BareApi, start: Start, space: str) -> None:
    first = start()
    add_zone(api, space)
    add_zone(api, space, "more")
    poll("both zones have a status", lambda: status(api, space) and status(api, space, "more"), 60)
    edges = {child for child in children(api, space) if child[0] == "Service" and "edge" in child[1]}
    assert len(edges) == 2
    assert first.stop() == 0
    # No garbage collector runs here: what goes is what the operator prunes.
    api.call("DELETE", zone_path(space, "more"))
    second = start()
    poll("the edge Service of the deleted zone is gone", lambda: len(edges & children(api, space).keys()) == 1, 60)
    owners = [body["metadata"]["ownerReferences"] for body in children(api, space).values()]
    assert all([owner["name"] for owner in refs] == ["shop"] for refs in owners)
    api.call("DELETE", zone_path(space, "shop"))
    poll("nothing is left", lambda: not children(api, space), 60)
    kept = f"/api/v1/namespaces/{NAMESPACE}/secrets?labelSelector=smartshield.io%2Ffleet-namespace%3D{space}"
    poll("nothing is kept for it", lambda: not api.call("GET", kept)["items"], 60)
    assert second.process.poll() is None


def test_an_object_that_is_refused_is_told_of_and_holds_up_nothing(api: BareApi, start: Start, space: str) -> None:
    start()
    add_zone(api, space, exposure={"type": "NodePort", "nodePort": 81})
    poll("the zone has a status", lambda: status(api, space), 30)
    assert [child for child in children(api, space) if child[0] == "Deployment"]

    def told() -> list[dict[str, Any]]:
        events = api.call("GET", f"/api/v1/namespaces/{space}/events")["items"]
        return [event for event in events if event["reason"] == "ApplyFailed"]

    event = poll("an Event tells of it", told, 30)[0]
    assert (event["involvedObject"]["name"], event["type"]) == ("shop", "Warning")
    assert "provided port is not in the valid range" in event["message"]


def test_secrets_are_copied_where_pods_are_and_never_logged(api: BareApi, start: Start, space: str) -> None:
    operator = start()
    add_zone(api, space)
    complete(api, space)
    copies = api.call("GET", f"/api/v1/namespaces/{space}/secrets")["items"]
    contents = [base64.b64decode(value) for body in copies for value in body["data"].values()]
    assert sorted(sorted(body["data"]) for body in copies) == [
        ["ca.crt", "tls.crt", "tls.key"],
        ["ca.crt", "tls.crt", "tls.key"],
        ["password"],
    ]
    log = operator.log.read_bytes()
    assert not [content for content in contents if content.strip() in log]
    assert b"PRIVATE KEY" not in log


def test_a_damaged_copy_of_a_secret_is_mended_at_a_resync(api: BareApi, start: Start, space: str) -> None:
    start()
    add_zone(api, space)
    complete(api, space)
    path = f"/api/v1/namespaces/{space}/secrets"
    before = api.call("GET", path)["items"]
    for body in before:
        damage = {name: base64.b64encode(b"junk").decode() for name in body["data"]}
        api.merge(f"{path}/{body['metadata']['name']}", {"data": damage})
    whole = [body["data"] for body in before]
    poll("the copies are whole", lambda: [body["data"] for body in api.call("GET", path)["items"]] == whole, 70)
