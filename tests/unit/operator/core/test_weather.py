"""Whatever happens to a fleet, some things are always true, and when the weather clears all is well."""

import random

import pytest

from shield_operator.core.planning import make_plan

KEYS = ("eu/a", "eu/b", "us/a", "us/b", "ap/a")
SPECS = (
    {},
    {"hosts": ["shop.example.com", "shared.example.com"]},
    {"hosts": ["shared.example.com"], "placement": {"dataCenters": ["eu"]}},
    {"placement": {"dataCenters": ["us/a", "mars"]}},
    {"origins": []},
    {"paused": True},
    {"origins": [{"name": "main", "address": "a.example.com"}, {"name": "second", "service": {"name": "second"}}]},
)


def blow(cluster, rng, new_zone):
    """One thing happens."""
    key = rng.choice(KEYS)
    match rng.randrange(10):
        case 0:
            cluster.milliseconds = {k: rng.choice([None, rng.uniform(1, 100)]) for k in KEYS if rng.random() < 0.8}
        case 1:
            cluster.add_node(key, name=f"node-{key}", ready=rng.random() < 0.6)
        case 2:
            cluster.nodes.pop(f"node-{key}", None)
        case 3 | 4:
            cluster.change(rng.choice(sorted(cluster.zones)), **rng.choice(SPECS))
        case 5:
            name = rng.choice(["shop", "blog", "wiki"])
            if name in cluster.zones and len(cluster.zones) > 1:
                del cluster.zones[name]
            elif name not in cluster.zones:
                created = f"2026-01-0{rng.randint(1, 3)}T00:00:00Z"
                cluster.zones[name] = new_zone(name, uid=f"uid-{name}-{rng.random()}", created=created)
        case 6:
            cluster.image = f"shield:{rng.randrange(3)}"
        case 7:
            cluster.stuck = {(rng.choice(["lower", "upper"]), key)} if rng.random() < 0.5 else set()
        case 8:
            cluster.deaf = {rng.choice(["lower", "upper"])} if rng.random() < 0.5 else set()
        case 9:
            cluster.lease += 1
            cluster.record = None if rng.random() < 0.3 else cluster.record


def always_true(cluster, plan, before):
    """`before`: the record before the plan."""
    state = cluster.record.state
    hosts = [host for zone in state.zones for host in zone.hosts]
    assert len(hosts) == len(set(hosts))
    if before is not None:
        assert state.generation >= before.generation
        assert state.generation > before.generation or (state.zones, state.data_centers) == (
            before.state.zones,
            before.state.data_centers,
        )
    uppers = cluster.running("upper")
    assert {dc.key for dc in state.data_centers if "upper" in dc.services} <= uppers
    for zone in state.zones:
        if not getattr(cluster.zones[zone.name].spec, "paused", False):
            assert all(set(order) <= uppers and order for order in zone.uppers.values())
            assert set(zone.uppers) <= {origin.name for origin in zone.origins}
    assert {(obj["kind"], obj["metadata"]["name"]) for obj in plan.objects} <= plan.keep
    for zone in cluster.zones.values():
        kinds = [condition["type"] for condition in zone.status["conditions"]]
        assert kinds == ["Ready", "Reconciling", "Stalled", "Degraded", "OriginUnresolvable"]


@pytest.mark.parametrize("seed", range(3))
def test_a_fleet_in_any_weather(cluster, new_zone, seed):
    rng = random.Random(seed)
    cluster.run(rng.randint(1, 10))
    for _ in range(60):
        if rng.random() < 0.4:
            blow(cluster, rng, new_zone)
        before = cluster.record
        always_true(cluster, cluster.step(rng.choice([1, 1, 5, 20])), before)
    for key in KEYS:
        cluster.add_node(key)
    cluster.stuck, cluster.deaf = set(), set()
    cluster.milliseconds = {key: 5.0 + 20 * i for i, key in enumerate(KEYS)}
    for name in cluster.zones:
        cluster.change(name)
    cluster.run(150)
    settled = cluster.record
    assert {name: cluster.condition("Ready", name) for name in cluster.zones} == dict.fromkeys(
        cluster.zones, ("True", "Serving")
    )
    assert {cluster.order(name) for name in cluster.zones} == {("eu/a", "eu/b")}
    assert set(cluster.images().values()) == {cluster.image}
    assert make_plan(cluster.world()).state == settled.state
