"""Settings: a file and a pod's environment say the same; what is wrong is named."""

from pathlib import Path
from typing import Any

import pytest

from shield_proxy.config.codec import encode_state
from shield_proxy.config.contract import Tier
from shield_proxy.config.reading import InvalidField
from shield_proxy.config.state import FleetState
from shield_proxy.process.settings import (
    FIELDS,
    FILE_ONLY,
    LISTEN,
    decode_settings,
    settings_of_environment,
    settings_of_file,
)
from shield_proxy.process.values import parse_address, parse_bytes
from shield_proxy.tiers.load.tunnels import TunnelLimits
from shield_proxy.tiers.settings import RedisSettings

DOCUMENT: dict[str, Any] = {
    "tier": "lower",
    "namespace": "shop",
    "fleet": "default",
    "region": "eu",
    "zone": "eu-1",
    "pod": "lower-1",
    "address": "10.0.0.7",
}
ENVIRONMENT = {
    "SHIELD_TIER": "lower",
    "SHIELD_NAMESPACE": "shop",
    "SHIELD_FLEET": "default",
    "SHIELD_REGION": "eu",
    "SHIELD_ZONE": "eu-1",
    "POD_NAME": "lower-1",
    "POD_IP": "10.0.0.7",
}


def test_a_pods_environment_and_a_file_with_the_same_fields_mean_the_same() -> None:
    assert settings_of_environment(ENVIRONMENT, ipv6=True) == decode_settings(DOCUMENT, ipv6=True)


def test_every_variable_reaches_its_setting() -> None:
    found = settings_of_environment(
        {
            **ENVIRONMENT,
            "SHIELD_MEMORY_BYTES": "268435456",
            "SHIELD_MAX_OBJECT_BYTES": "1Mi",
            "SHIELD_REDIS": "redis.shop:6379",
            "SHIELD_CONNECTION_REQUESTS": "1000",
            "SHIELD_DRAIN_SECONDS": "7",
            "SHIELD_DRAIN_DELAY_SECONDS": "0",
            "SHIELD_LOG_LEVEL": "debug",
            "SHIELD_ACCESS_LOG": "on",
            "SHIELD_ACCESS_LOG_FORMAT": "combined",
            "SHIELD_ACCESS_LOG_SAMPLE": "0.25",
            "SHIELD_OTLP_ENDPOINT": "http://collector:4318",
            "SHIELD_OTLP_SAMPLE": "1",
            "PATH": "/bin",
        },
        ipv6=False,
    )
    assert (found.memory_bytes, found.max_object_bytes) == (256 << 20, 1 << 20)
    assert found.connection_requests == 1000
    assert (found.drain_seconds, found.drain_delay_seconds) == (7, 0)
    assert (found.log_level, found.access_log) == ("debug", True)
    assert found.redis == RedisSettings("redis.shop", 6379, None)
    assert found.data_center == "eu/eu-1"
    assert (found.access_log_format, found.access_log_sample) == ("combined", 0.25)
    assert (found.otlp_endpoint, found.otlp_sample) == ("http://collector:4318", 1.0)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SHIELD_ACCESS_LOG_FORMAT", "xml"),
        ("SHIELD_ACCESS_LOG_SAMPLE", "1.1"),
        ("SHIELD_ACCESS_LOG_SAMPLE", "-0.1"),
        ("SHIELD_ACCESS_LOG_SAMPLE", "nan"),
        ("SHIELD_ACCESS_LOG_SAMPLE", "many"),
        ("SHIELD_OTLP_SAMPLE", "2"),
        ("SHIELD_OTLP_ENDPOINT", "collector:4318"),
        ("SHIELD_OTLP_ENDPOINT", "ftp://collector"),
        ("SHIELD_OTLP_ENDPOINT", "http://collector:port"),
        ("SHIELD_OTLP_ENDPOINT", "http://[collector"),
    ],
)
def test_what_telemetry_can_not_be_is_refused_by_the_variables_name(variable: str, value: str) -> None:
    with pytest.raises(InvalidField, match=variable):
        settings_of_environment({**ENVIRONMENT, variable: value}, ipv6=False)


def test_ports_are_open_on_all_addresses_of_both_families_unless_told_otherwise() -> None:
    assert decode_settings(DOCUMENT, ipv6=True).hop == (("0.0.0.0", 8444), ("::", 8444))
    assert decode_settings(DOCUMENT, ipv6=False).client == (("0.0.0.0", 8080),)
    told = decode_settings({**DOCUMENT, "listen": {"hop": ["[::1]:0"], "health": []}}, ipv6=False)
    assert (told.hop, told.health) == ((("::1", 0),), ())


def test_only_lower_tiers_listen_for_clients() -> None:
    upper = decode_settings({**DOCUMENT, "tier": "upper"}, ipv6=False)
    assert (upper.tier, upper.client) == (Tier.UPPER, ())


def test_without_hop_and_internal_port_no_certificates_are_needed() -> None:
    assert decode_settings({**DOCUMENT, "listen": {"hop": [], "internal": []}}, ipv6=False).tls_dir is None
    assert decode_settings({**DOCUMENT, "tlsDir": "/x"}, ipv6=False).tls_dir == Path("/x")


@pytest.mark.parametrize("variable", ENVIRONMENT)
def test_a_missing_variable_is_named(variable: str) -> None:
    with pytest.raises(InvalidField) as refused:
        settings_of_environment({k: v for k, v in ENVIRONMENT.items() if k != variable}, ipv6=False)
    assert refused.value.path == variable


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SHIELD_TIER", "edge"),
        ("SHIELD_MEMORY_BYTES", "much"),
        ("SHIELD_REDIS", "redis"),
        ("SHIELD_DRAIN_SECONDS", "-1"),
        ("SHIELD_DRAIN_SECONDS", "5000"),
        ("SHIELD_DRAIN_DELAY_SECONDS", "1.5"),
        ("SHIELD_TUNNELS", "many"),
        ("SHIELD_LOG_LEVEL", "loud"),
        ("SHIELD_ACCESS_LOG", "yes"),
    ],
)
def test_a_wrong_variable_is_named(variable: str, value: str) -> None:
    with pytest.raises(InvalidField) as refused:
        settings_of_environment({**ENVIRONMENT, variable: value}, ipv6=False)
    assert refused.value.path == variable


def test_every_field_of_a_pod_has_a_variable_of_its_own() -> None:
    assert len(set(FIELDS.values())) == len(FIELDS)


def test_every_field_and_variable_is_documented() -> None:
    text = (Path(__file__).parents[3] / "docs" / "reference-proxy.md").read_text()
    documented = {*FIELDS, *FIELDS.values(), *FILE_ONLY, *(f"listen.{name}" for name in LISTEN)} - {"listen"}
    assert {name for name in documented if f"`{name}`" not in text} == set()


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"teir": "lower"}, "teir"),
        ({"listen": {"admin": []}}, "listen.admin"),
        ({"listen": {"hop": ["8444"]}}, "listen.hop[0]"),
        ({"listen": {"hop": "0.0.0.0:8444"}}, "listen.hop"),
        ({"memory": True}, "memory"),
        ({"redis": "r:1", "redisPasswordFile": "/does/not/exist"}, "redisPasswordFile"),
        ({"state": {"schema": 99}}, "state.schema"),
        ({"state": encode_state(FleetState("shop", "other", 1, 1), 1)}, "state.fleet"),
    ],
)
def test_a_wrong_field_of_a_file_is_named(changes: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidField) as refused:
        decode_settings({**DOCUMENT, **changes}, ipv6=False)
    assert refused.value.path == path


def test_a_file_may_hold_the_state_and_name_the_password(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("secret\n")
    (tmp_path / "proxy.yaml").write_text(
        f"""
tier: upper
namespace: shop
fleet: default
region: eu
zone: eu-1
pod: upper-1
address: 127.0.0.3
redis: "[::1]:6379"
redisPasswordFile: {tmp_path}/password
memory: 1Gi
state: {{schema: 1, namespace: shop, fleet: default, generation: 4, lease: 1}}
"""
    )
    found = settings_of_file(tmp_path / "proxy.yaml", ipv6=False)
    assert found.state == FleetState("shop", "default", 4, 1)
    assert found.redis == RedisSettings("::1", 6379, "secret")
    assert found.memory_bytes == 1 << 30


def test_a_file_that_is_not_yaml_is_named(tmp_path: Path) -> None:
    path = tmp_path / "proxy.yaml"
    path.write_text("tier: [")
    with pytest.raises(InvalidField, match=str(path)):
        settings_of_file(path, ipv6=False)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:80", ("127.0.0.1", 80)),
        ("[fe80::1%eth0]:1", ("fe80::1%eth0", 1)),
        ("web.example:0", ("web.example", 0)),
    ],
)
def test_addresses_are_hosts_with_ports(text: str, address: tuple[str, int]) -> None:
    assert parse_address(text, "x") == address


@pytest.mark.parametrize("text", ["", "host", ":80", "host:", "::1:80", "host:99999", "host:8 0", "[x/y]:1", "a b:1"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(InvalidField):
        parse_address(text, "x")


@pytest.mark.parametrize(("text", "count"), [("0", 0), ("5", 5), ("2k", 2000), ("3Ki", 3072), ("1Gi", 1 << 30)])
def test_byte_counts_may_have_units(text: str, count: int) -> None:
    assert parse_bytes(text, "x") == count


@pytest.mark.parametrize("text", ["", "Mi", "-1", "1.5Gi", "1 Mi", "1mb"])
def test_what_is_no_byte_count_is_refused(text: str) -> None:
    with pytest.raises(InvalidField):
        parse_bytes(text, "x")


def test_tunnels_are_bounded_by_three_numbers() -> None:
    assert decode_settings(DOCUMENT, ipv6=False).tunnels == TunnelLimits(most=4096, idle=900, drain=10)
    said = DOCUMENT | {"tunnels": 0, "tunnelIdleSeconds": 60, "tunnelDrainSeconds": 5}
    assert decode_settings(said, ipv6=False).tunnels == TunnelLimits(most=0, idle=60, drain=5)
    with pytest.raises(InvalidField, match="tunnelIdleSeconds"):
        decode_settings(DOCUMENT | {"tunnelIdleSeconds": 86_401}, ipv6=False)


def test_the_tls_port_is_open_unless_only_the_plain_one_is_said() -> None:
    assert decode_settings(DOCUMENT, ipv6=False).client_tls == (("0.0.0.0", 8443),)
    assert decode_settings({**DOCUMENT, "listen": {"client": ["127.0.0.1:1"]}}, ipv6=False).client_tls == ()
    listen = {"client": ["127.0.0.1:1"], "clientTls": ["127.0.0.1:2"]}
    assert decode_settings({**DOCUMENT, "listen": listen}, ipv6=False).client_tls == (("127.0.0.1", 2),)
    assert decode_settings({**DOCUMENT, "tier": "upper"}, ipv6=False).client_tls == ()


def test_proxies_in_front_are_read_from_a_list_and_from_a_variable() -> None:
    networks = ("10.0.0.0/8", "2001:db8::/32")
    said = {"SHIELD_PROXY_PROTOCOL": "on", "SHIELD_TRUSTED_PROXIES": "10.0.0.0/8, 2001:db8::/32"}
    for settings in (
        decode_settings({**DOCUMENT, "proxyProtocol": True, "trustedProxies": list(networks)}, ipv6=False),
        settings_of_environment({**ENVIRONMENT, **said}, ipv6=False),
    ):
        assert (settings.proxy_protocol, settings.trusted_proxies) == (True, networks)


@pytest.mark.parametrize(
    "wrong", ["10.0.0.1/8", "proxy.example", "10.0.0.0/8,", ["10.0.0.0/40"], ["10.0.0.0/8"] * 1025]
)
def test_networks_that_are_none_are_refused(wrong: object) -> None:
    with pytest.raises(InvalidField, match="trustedProxies"):
        decode_settings({**DOCUMENT, "trustedProxies": wrong}, ipv6=False)
