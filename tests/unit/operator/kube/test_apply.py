"""What the API server did not take: remembered for the next plan, told on the zone, and no end of everything else."""

import secrets
from dataclasses import replace

from shield_operator.core.plan import Plan, Secrets
from shield_operator.core.world import FleetKey, Memory
from shield_operator.kube.api import ApiError, Conflict
from shield_operator.kube.apply import adoptions, encoded
from shield_operator.kube.children import Done, refusals
from shield_operator.kube.index import Index
from shield_operator.kube.kinds import DEPLOYMENT
from shield_proxy.config.state import FleetState, Origin, OriginTls, Zone
from shield_proxy.config.version import SCHEMA

SMALL = FleetState("shop", "default", generation=7, lease=3)
PLAN = Plan(
    secrets=Secrets({}, None, ({"kind": "SmartShieldZone", "name": "shop", "uid": "u"},), {}),
    state=None,
    schema=SCHEMA,
    record_objects=("shield-state-0", "shield-state-1"),
    objects=(),
    keep=frozenset(),
    statuses={},
    fleet_status=None,
    happenings=(),
    memory=Memory(),
    again_after=1.0,
)


def body(kind: str, name: str) -> dict[str, object]:
    return {"kind": kind, "metadata": {"name": name}}


def test_what_was_refused_for_its_content_is_remembered_and_what_passes_by_itself_is_not() -> None:
    done = Done()
    done.refused = [
        (body("Service", "edge"), ApiError(422, "port is already allocated")),
        (body("Deployment", "lower"), ApiError(403, "exceeded quota")),
        (body("Deployment", "upper"), Conflict(409, "the object has been modified")),
        (body("Service", "redis"), ApiError(503, "try again")),
        (body("Secret", "tls"), ApiError(422, "whatever is said of it")),
    ]
    assert refusals(done) == {
        ("Service", "edge"): "port is already allocated",
        ("Deployment", "lower"): "exceeded quota",
    }


def test_a_zone_state_that_outgrows_its_config_maps_counts_as_their_refusal() -> None:
    origin = Origin("main", "o.example.com", 443, OriginTls("o", True, secrets.token_hex(6_000_000)), None)
    zone = Zone("u", "shop", "shop", 7, ("shop.example.com",), (origin,), ())
    done = Done()
    assert encoded(replace(SMALL, zones=(zone,)), SCHEMA, PLAN, done) is None
    ((refused, error),) = done.refused
    assert (refused["kind"], refused["metadata"]["name"]) == ("ConfigMap", "shield-state-0")
    assert "larger than 8 chunks hold" in error.message
    held = encoded(SMALL, SCHEMA, PLAN, done)
    assert held is not None
    assert held.record.state == SMALL


def test_a_deployment_that_is_held_back_gets_the_owner_that_it_lacks_and_keeps_the_others() -> None:
    index, key = Index(), FleetKey("shop", "default")
    old, new = {"uid": "old", "name": "old"}, PLAN.secrets.owners[0] if PLAN.secrets else {}
    for name, owners in (("lacks", [old]), ("has", [old, new])):
        metadata = {"name": name, "namespace": "shop", "uid": f"uid-{name}", "resourceVersion": "1"}
        index.put(DEPLOYMENT, {"metadata": {**metadata, "ownerReferences": owners}, "spec": {}})
    (patch,) = adoptions(replace(PLAN, held=("lacks", "has", "gone")), key, index)
    assert patch["metadata"] == {
        "name": "lacks",
        "namespace": "shop",
        "uid": "uid-lacks",
        "ownerReferences": [old, new],
    }
