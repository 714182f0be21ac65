"""Addresses that probes must not go to."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shield_proxy.config.checks.hostnames import read_address
from shield_proxy.config.internal import internal_addresses

CLUSTER = internal_addresses(["10.96.0.0/12", "192.0.2.10", "fd00:10:96::/112"], ["10.32.1.2", "fd00:10:32::2"])


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("10.96.0.1", "cluster's own"),
        ("10.111.255.255", "cluster's own"),
        ("192.0.2.10", "cluster's own"),
        ("fd00:10:96::a", "cluster's own"),
        ("::ffff:10.96.0.1", "cluster's own"),
        ("64:ff9b::10.96.0.1", "cluster's own"),
        ("2002:0a60:0001::1", "cluster's own"),
        ("169.254.169.254", "link-local"),
        ("fe80::1", "link-local"),
        ("fd00:ec2::254", "metadata service"),
        ("168.63.129.16", "metadata service"),
        ("10.32.1.2", "shield's own Service"),
        ("::ffff:10.32.1.2", "shield's own Service"),
        ("fd00:10:32::2", "shield's own Service"),
        ("10.32.1.3", None),
        ("0.0.0.0", "unspecified"),
        ("0.1.2.3", "unspecified"),
        ("::", "unspecified"),
        ("224.0.0.1", "multicast"),
        ("ff02::1", "multicast"),
        ("255.255.255.255", "broadcast"),
        ("127.0.0.1", "loopback"),
        ("::1", "loopback"),
        ("::ffff:127.9.9.9", "loopback"),
        ("10.0.0.1", None),
        ("192.168.1.1", None),
        ("192.0.2.11", None),
        ("2001:db8::1", None),
        ("fd00:10:97::1", None),
    ],
)
def test_an_address_is_internal_for_a_reason(address: str, kind: str | None) -> None:
    parsed = read_address(address)
    assert parsed is not None
    assert CLUSTER.forbids(parsed) == kind


def test_loopback_alone_can_be_allowed() -> None:
    here = internal_addresses([], loopback=True)
    assert here.forbids(ipaddress.ip_address("127.0.0.1")) is None
    assert here.forbids(ipaddress.ip_address("::1")) is None
    assert here.forbids(ipaddress.ip_address("169.254.169.254")) == "link-local"


def test_a_malformed_network_is_named() -> None:
    with pytest.raises(ValueError, match=r"10\.0\.0\.0/33"):
        internal_addresses(["10.0.0.0/33"])


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_is_judged_alike_in_the_clothes_of_ipv6(address: ipaddress.IPv4Address) -> None:
    mapped = ipaddress.IPv6Address(b"\0" * 10 + b"\xff\xff" + address.packed)
    assert CLUSTER.forbids(mapped) == CLUSTER.forbids(address)
