"""Custom resources as values, and what is refused with which path."""

import pytest

from shield_operator.core.decode import BUILT_IN, decode_fleet, decode_zone, zone_object
from shield_operator.core.spec import ExposureType, FleetSpec, RedisSpec, TierSpec, Topology
from shield_proxy.config.reading import InvalidField

ORIGIN = {"name": "main", "address": "o.example.com"}


def zone(**spec):
    return decode_zone({"hosts": ["a.example.com"], "origins": [ORIGIN], **spec})


def test_the_shortest_zone_has_every_default():
    found = zone()
    assert (found.fleet, found.topology, found.paused, found.data_centers) == ("default", Topology.SMART, False, ())
    assert (found.exposure.type, found.exposure.port, found.exposure.node_port) == (ExposureType.CLUSTER_IP, 80, None)
    assert (found.origins[0].port, found.origins[0].tls) == (80, None)


def test_an_origin_with_tls_has_port_443_and_is_verified():
    (origin,) = zone(origins=[{**ORIGIN, "tls": {}}]).origins
    assert (origin.port, origin.tls.verify, origin.tls.server_name) == (443, True, None)


@pytest.mark.parametrize(
    ("path", "spec"),
    [
        ("spec.hosts", {"hosts": []}),
        ("spec.hosts[1]", {"hosts": ["a.example.com", "A.example.com"]}),
        ("spec.hosts[0]", {"hosts": ["a.example.com:80"]}),
        ("spec.hosts[0]", {"hosts": ["a.*.example.com"]}),
        ("spec.hosts[1]", {"hosts": ["a.example.com", "a.example.com"]}),
        ("spec.fleet", {"fleet": "A_b"}),
        ("spec.origins", {"origins": []}),
        ("spec.origins[0]", {"origins": [{"name": "main"}]}),
        ("spec.origins[0]", {"origins": [{**ORIGIN, "service": {"name": "s"}}]}),
        ("spec.origins[1].name", {"origins": [ORIGIN, ORIGIN]}),
        ("spec.origins[0].address", {"origins": [{"name": "main", "address": "127.0.0.1"}]}),
        ("spec.origins[0].address", {"origins": [{"name": "main", "address": "169.254.169.254"}]}),
        ("spec.origins[0].address", {"origins": [{"name": "main", "address": "1.2.3"}]}),
        ("spec.origins[0].address", {"origins": [{"name": "main", "address": "0x7f.1"}]}),
        ("spec.origins[0].address", {"origins": [{"name": "main", "address": "0X7F000001"}]}),
        ("spec.origins[0].address", {"origins": [{"name": "main", "address": "::ffff:127.0.0.1"}]}),
        ("spec.origins[0].address", {"origins": [{"name": "main", "address": "::ffff:169.254.169.254"}]}),
        ("spec.origins[0].address", {"origins": [{"name": "main", "address": "http://o.example.com"}]}),
        ("spec.origins[0].port", {"origins": [{**ORIGIN, "port": 70000}]}),
        ("spec.origins[0].tls.serverName", {"origins": [{**ORIGIN, "tls": {"serverName": "a b"}}]}),
        ("spec.origins[0].tls.caBundle", {"origins": [{**ORIGIN, "tls": {"caBundle": "x"}}]}),
        ("spec.origins[0].hostHeader", {"origins": [{**ORIGIN, "hostHeader": "a\r\nb"}]}),
        ("spec.routes[0].backend", {"routes": [{"backend": "other"}]}),
        ("spec.routes[0].hosts[0]", {"routes": [{"backend": "main", "hosts": ["b.example.com"]}]}),
        ("spec.routes[0].pathPrefix", {"routes": [{"backend": "main", "pathPrefix": "img"}]}),
        ("spec.tieredCache.topology", {"tieredCache": {"topology": "Magic"}}),
        ("spec.exposure.type", {"exposure": {"type": "LoadBalancer"}}),
        ("spec.exposure.nodePort", {"exposure": {"nodePort": 30000}}),
        ("spec.placement.dataCenters[0]", {"placement": {"dataCenters": ["eu/a/b"]}}),
        ("spec.paused", {"paused": "yes"}),
    ],
)
def test_what_is_wrong_with_a_zone_is_named(path, spec):
    with pytest.raises(InvalidField) as caught:
        zone(**spec)
    assert caught.value.path == path


def test_a_zone_that_cannot_be_decoded_is_still_a_zone():
    metadata = {"uid": "u", "namespace": "n", "name": "z", "generation": 3, "creationTimestamp": "t"}
    found = zone_object({"metadata": metadata, "spec": {"hosts": []}})
    assert (found.uid, found.generation, found.deleting) == ("u", 3, False)
    assert isinstance(found.spec, InvalidField)


def test_a_fleet_has_the_installations_value_where_it_says_nothing():
    defaults = FleetSpec(TierSpec(3), TierSpec(2), RedisSpec(memory=99 << 20), 77 << 20, access_log=True)
    assert decode_fleet({}, defaults) == defaults
    found = decode_fleet({"upper": {"replicas": 5}, "redis": {"enabled": False}}, defaults)
    assert (found.lower.replicas, found.upper.replicas, found.redis.memory, found.redis.enabled) == (
        3,
        5,
        99 << 20,
        False,
    )


@pytest.mark.parametrize(
    ("path", "spec"),
    [
        ("spec.lower.replicas", {"lower": {"replicas": 0}}),
        ("spec.lower.resources.cpu", {"lower": {"resources": {"cpu": 1}}}),
        ("spec.upper.resources.limits.memory", {"upper": {"resources": {"limits": {"memory": "much"}}}}),
        ("spec.memory", {"memory": "1Mi"}),
        ("spec.memory", {"memory": True}),
        ("spec.redis.memory", {"redis": {"memory": "-1Gi"}}),
        ("spec.redis.external[0].dataCenter", {"redis": {"external": [{"dataCenter": "eu", "address": "r:1"}]}}),
        ("spec.redis.external[0].address", {"redis": {"external": [{"dataCenter": "eu/a", "address": "r"}]}}),
    ],
)
def test_what_is_wrong_with_a_fleet_is_named(path, spec):
    with pytest.raises(InvalidField) as caught:
        decode_fleet(spec, BUILT_IN)
    assert caught.value.path == path
