"""Custom resources as values, and what is refused with which path."""

import pytest

from shield_operator.core.decode import decode_zone, zone_object
from shield_operator.core.decode_fleet import BUILT_IN, decode_fleet
from shield_operator.core.spec import (
    AccessLogFormat,
    ClientsSpec,
    ExposureType,
    FleetSpec,
    RedisSpec,
    TierSpec,
    Topology,
    WhenUnhealthy,
)
from shield_proxy.config.reading import InvalidField

ORIGIN = {"name": "main", "address": "o.example.com"}
CHECKED = {**ORIGIN, "healthCheck": "main"}
TLS = {"secretName": "certificate"}


def zone(**spec):
    return decode_zone({"hosts": ["a.example.com"], "origins": [ORIGIN], **spec})


def test_the_shortest_zone_has_every_default():
    found = zone()
    assert (found.fleet, found.topology, found.paused, found.data_centers) == ("default", Topology.SMART, False, ())
    assert (found.exposure.type, found.exposure.port, found.exposure.node_port) == (ExposureType.CLUSTER_IP, 80, None)
    assert (found.exposure.tls_port, found.certificate, found.max_request_bytes) == (443, None, 5 << 30)
    (origin,) = found.origins
    assert (origin.port, origin.tls, origin.response_seconds, origin.max_connections) == (80, None, 100, 512)


def test_an_origin_names_its_check_and_who_stands_in_for_it():
    (plain,) = zone().origins
    assert (plain.check, plain.fallbacks, plain.when_unhealthy) == (None, (), WhenUnhealthy.TRY)
    far = {"name": "far", "address": "far.example.com"}
    main, other = zone(origins=[{**CHECKED, "fallbacks": ["far"], "whenUnhealthy": "Refuse"}, far]).origins
    assert (main.check, main.fallbacks, main.when_unhealthy) == ("main", ("far",), WhenUnhealthy.REFUSE)
    assert other.check is None


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
        ("spec.exposure.externalTrafficPolicy", {"exposure": {"externalTrafficPolicy": "Local"}}),
        ("spec.exposure.tlsNodePort", {"tls": TLS, "exposure": {"tlsNodePort": 30000}}),
        ("spec.exposure.tlsNodePort", {"exposure": {"type": "NodePort", "tlsNodePort": 30000}}),
        (
            "spec.exposure.tlsNodePort",
            {"tls": TLS, "exposure": {"type": "NodePort", "nodePort": 30000, "tlsNodePort": 30000}},
        ),
        ("spec.exposure.tlsPort", {"tls": TLS, "exposure": {"port": 443}}),
        ("spec.tls.secretName", {"tls": {}}),
        ("spec.tls.secretName", {"tls": {"secretName": "../etc"}}),
        ("spec.maxRequestBody", {"maxRequestBody": 10}),
        ("spec.maxRequestBody", {"maxRequestBody": "2Ti"}),
        ("spec.maxRequestBody", {"maxRequestBody": "lots"}),
        (
            "spec.origins[0].tls.clientCertificate.secretName",
            {"origins": [{**ORIGIN, "tls": {"clientCertificate": {}}}]},
        ),
        ("spec.origins[0].responseTimeoutSeconds", {"origins": [{**ORIGIN, "responseTimeoutSeconds": 601}]}),
        ("spec.origins[0].maxConnections", {"origins": [{**ORIGIN, "maxConnections": 0}]}),
        ("spec.origins[0].healthCheck", {"origins": [{**ORIGIN, "healthCheck": "No_Name"}]}),
        ("spec.origins[0].fallbacks", {"origins": [{**ORIGIN, "fallbacks": ["main"]}]}),
        ("spec.origins[0].whenUnhealthy", {"origins": [{**ORIGIN, "whenUnhealthy": "Refuse"}]}),
        ("spec.origins[0].whenUnhealthy", {"origins": [{**CHECKED, "whenUnhealthy": "Maybe"}]}),
        ("spec.origins[0].fallbacks[0]", {"origins": [{**CHECKED, "fallbacks": ["main"]}]}),
        ("spec.origins[0].fallbacks[0]", {"origins": [{**CHECKED, "fallbacks": ["other"]}]}),
        ("spec.origins[0].fallbacks[1]", {"origins": [{**CHECKED, "fallbacks": ["b", "b"]}, {**ORIGIN, "name": "b"}]}),
        ("spec.origins[0].fallbacks", {"origins": [{**CHECKED, "fallbacks": [f"b{i}" for i in range(9)]}]}),
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
    clients = ClientsSpec(proxy_protocol=True, trusted_proxies=("10.0.0.0/8",))
    defaults = FleetSpec(
        TierSpec(3), TierSpec(2), RedisSpec(memory=99 << 20), 77 << 20, True, AccessLogFormat.COMBINED, 5, clients
    )
    assert decode_fleet({}, defaults) == defaults
    assert decode_fleet({"clients": {"trustedProxies": []}}, defaults).clients == ClientsSpec(True)
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
        ("spec.accessLogFormat", {"accessLogFormat": "json"}),
        ("spec.accessLogSample", {"accessLogSample": 101}),
        ("spec.clients.proxyProtocol", {"clients": {"proxyProtocol": "on"}}),
        ("spec.clients.trustedProxies[0]", {"clients": {"trustedProxies": ["10.0.0.1/8"]}}),
        ("spec.clients.trustedProxies[0]", {"clients": {"trustedProxies": ["10.0.0.1"]}}),
        ("spec.clients.trustedProxies[1]", {"clients": {"trustedProxies": ["10.0.0.0/8", "10.0.0.0/8"]}}),
        ("spec.clients.trustedProxies", {"clients": {"trustedProxies": [f"10.0.{i}.0/24" for i in range(65)]}}),
    ],
)
def test_what_is_wrong_with_a_fleet_is_named(path, spec):
    with pytest.raises(InvalidField) as caught:
        decode_fleet(spec, BUILT_IN)
    assert caught.value.path == path
