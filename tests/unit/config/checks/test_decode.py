"""HealthCheck resources to checks: defaults, every field, and complaints that name the field."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shield_proxy.config.checks.check import Check, CheckType, HttpConfig, Method, TcpConfig
from shield_proxy.config.checks.decode import RESERVED, decode_check
from shield_proxy.config.checks.hostnames import is_host
from shield_proxy.config.reading import InvalidField

UID = "0f8fad5b-d9cb-469f-a165-70867728950e"
"""Text of any kind begins with a table that Hypothesis makes once."""


def resource(**spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "shop", "uid": UID}, "spec": {"address": "origin.example", **spec}}


def http(**config: Any) -> dict[str, Any]:
    return resource(httpConfig=config)


def test_all_but_the_address_has_a_default() -> None:
    check = decode_check(resource())
    assert check == Check("0f8fad5bd9cb469fa16570867728950e", "shop", "origin.example")
    assert (check.type, check.regions, check.interval, check.timeout, check.retries) == (CheckType.HTTP, (), 60, 5, 2)
    assert (check.consecutive_fails, check.consecutive_successes, check.suspended) == (1, 1, False)
    assert check.http == HttpConfig(Method.GET, "/", None, ("200",), None, False, False, ())


@pytest.mark.parametrize(("kind", "port"), [("HTTP", 80), ("HTTPS", 443), ("TCP", 80)])
def test_each_type_has_its_port(kind: str, port: int) -> None:
    assert decode_check(resource(type=kind)).port == port


def test_every_field_is_read() -> None:
    config = {
        "method": "GET",
        "path": "/health?deep=1",
        "port": 8443,
        "expectedCodes": ["2xx", "304"],
        "expectedBody": "all good",
        "followRedirects": True,
        "allowInsecure": True,
        "header": {"Host": ["www.example:8443"], "X-Probe": ["a", "b"]},
    }
    check = decode_check(
        resource(
            type="HTTPS",
            checkRegions=["WEU"],
            interval=10,
            timeout=2,
            retries=0,
            consecutiveFails=3,
            consecutiveSuccesses=2,
            suspended=True,
            httpConfig=config,
        )
    )
    header = (("Host", "www.example:8443"), ("X-Probe", "a"), ("X-Probe", "b"))
    assert check == Check(
        "0f8fad5bd9cb469fa16570867728950e",
        "shop",
        "origin.example",
        CheckType.HTTPS,
        ("WEU",),
        10,
        2,
        0,
        3,
        2,
        True,
        HttpConfig(Method.GET, "/health?deep=1", 8443, ("2xx", "304"), "all good", True, True, header),
    )
    assert (check.port, check.http.host) == (8443, "www.example:8443")
    assert decode_check(resource(type="TCP", tcpConfig={"port": 5432})).tcp == TcpConfig(5432)


def test_the_user_agent_ends_with_the_first_half_of_the_id() -> None:
    assert decode_check(resource()).user_agent == (
        "Mozilla/5.0 (compatible;SmartShield-Healthchecks/1.0;+https://smartshield.io/; "
        "healthcheck-id: 0f8fad5bd9cb469f)"
    )


@pytest.mark.parametrize(
    ("field", "broken"),
    [
        ("spec.address", resource(address="http://origin.example/")),
        ("spec.address", resource(address="origin.example:80")),
        ("spec.address", resource(address="")),
        ("spec.address", resource(address="0x7f.1")),
        ("spec.address", resource(address="127.1")),
        ("spec.address", resource(address="fe80::1%eth0")),
        ("spec.address", resource(address="bücher.example")),
        ("spec.address", {"metadata": {"name": "a", "uid": UID}, "spec": {}}),
        ("metadata.uid", {"metadata": {"name": "a", "uid": "x"}, "spec": {"address": "a.example"}}),
        ("spec.type", resource(type="UDP")),
        ("spec.interval", resource(interval=0)),
        ("spec.timeout", resource(interval=10, timeout=10)),
        ("spec.retries", resource(retries=-1)),
        ("spec.consecutiveFails", resource(consecutiveFails=0)),
        ("spec.suspended", resource(suspended="no")),
        ("spec.tcpConfig", resource(tcpConfig={"port": 1})),
        ("spec.httpConfig", resource(type="TCP", httpConfig={"port": 1})),
        ("spec.tcpConfig.port", resource(type="TCP", tcpConfig={"port": 65536})),
        ("spec.tcpConfig.method", resource(type="TCP", tcpConfig={"method": "banner"})),
        ("spec.httpConfig.method", http(method="POST")),
        ("spec.httpConfig.path", http(path="health")),
        ("spec.httpConfig.path", http(path="/a b")),
        ("spec.httpConfig.path", http(path="/\r\nX: y")),
        ("spec.httpConfig.port", http(port=0)),
        ("spec.httpConfig.expectedCodes[1]", http(expectedCodes=["200", "20x"])),
        ("spec.httpConfig.expectedCodes[0]", http(expectedCodes=["100"])),
        ("spec.httpConfig.expectedBody", http(method="HEAD", expectedBody="ok")),
        ("spec.httpConfig.header.User-Agent", http(header={"User-Agent": ["me"]})),
        ("spec.httpConfig.header.transfer-encoding", http(header={"transfer-encoding": ["chunked"]})),
        ("spec.httpConfig.header.Host", http(header={"Host": ["a.example", "b.example"]})),
        ("spec.httpConfig.header.Host", http(header={"Host": ["a.example"], "host": ["a.example"]})),
        ("spec.httpConfig.header.Host", http(header={"Host": ["a.example/x"]})),
        ("spec.httpConfig.header.X[0]", http(header={"X": ["a\r\nEvil: 1"]})),
        ("spec.httpConfig.header.X", http(header={"X": "a"})),
        ("spec.httpConfig.header", http(header={"a b": ["c"]})),
        ("spec.httpConfig.header", http(header={"X": ["y" * 9000]})),
    ],
)
def test_what_cannot_be_run_names_its_field(field: str, broken: dict[str, Any]) -> None:
    with pytest.raises(InvalidField) as refused:
        decode_check(broken)
    assert refused.value.path == field


def test_a_value_of_a_header_is_never_told() -> None:
    with pytest.raises(InvalidField) as refused:
        decode_check(http(header={"Authorization": ["secret\n"]}))
    assert "secret" not in str(refused.value)


def test_fields_of_the_connection_are_reserved_in_letters_of_any_case() -> None:
    for name in RESERVED:
        with pytest.raises(InvalidField):
            decode_check(http(header={name.upper(): ["x"]}))


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
SPEC = ["address", "type", "interval", "timeout", "retries", "checkRegions", "suspended", "httpConfig", "tcpConfig"]
HTTP = ["method", "path", "port", "expectedCodes", "expectedBody", "header", "followRedirects"]


@given(st.dictionaries(st.sampled_from(SPEC), json), st.none() | st.dictionaries(st.sampled_from(HTTP), json))
def test_any_document_is_a_check_or_an_invalid_field(spec: dict[str, Any], config: dict[str, Any] | None) -> None:
    if config is not None:
        spec = {"address": "a.example", **spec, "httpConfig": config}
    try:
        check = decode_check({"metadata": {"name": "x", "uid": UID}, "spec": spec})
    except InvalidField:
        return
    assert check.timeout < check.interval
    assert is_host(check.address)
