"""Whom to believe about the client."""

import pytest

from shield_proxy.wire.serving.trusted import TrustedProxies, client_of, normal_address

PROXIES = TrustedProxies(("10.0.0.0/8", "192.0.2.7", "2001:db8:1::/48", "::ffff:172.16.0.0/108"))


@pytest.mark.parametrize(
    ("address", "covered"),
    [
        ("10.255.0.1", True),
        ("11.0.0.1", False),
        ("192.0.2.7", True),
        ("192.0.2.8", False),
        ("2001:db8:1:ffff::1", True),
        ("2001:db8:2::1", False),
        ("::ffff:10.1.2.3", True),
        ("172.31.255.255", True),
        ("172.32.0.0", False),
        ("10.0.0.1%eth0", True),
        ("unknown", False),
        ("", False),
        ("10.0.0.1 ", False),
        ("010.0.0.1", False),
    ],
)
def test_networks_cover_addresses_of_both_families(address: str, covered: bool) -> None:
    assert PROXIES.covers(address) is covered


def test_an_empty_list_trusts_nobody() -> None:
    assert not TrustedProxies()
    assert not TrustedProxies().covers("127.0.0.1")


@pytest.mark.parametrize("text", ["10.0.0.1/8", "10.0.0.0/33", "example.com", "", "10.0.0.0-10.0.0.9"])
def test_what_is_no_network_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        TrustedProxies((text,))


@pytest.mark.parametrize(
    ("address", "normal"),
    [
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("192.0.2.1", "192.0.2.1"),
        ("/run/socket", "/run/socket"),
    ],
)
def test_one_address_has_one_spelling(address: str, normal: str) -> None:
    assert normal_address(address) == normal


@pytest.mark.parametrize(
    ("peer", "chain", "client"),
    [
        ("203.0.113.9", b"198.51.100.1", "203.0.113.9"),
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", b"198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", b"6.6.6.6, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", b"6.6.6.6, 198.51.100.1,10.2.3.4 ,\t192.0.2.7", "198.51.100.1"),
        ("10.0.0.1", b"10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", b"198.51.100.1, unknown, 10.0.0.2", "10.0.0.2"),
        ("10.0.0.1", b"198.51.100.1,, 10.0.0.2", "10.0.0.2"),
        ("10.0.0.1", b"198.51.100.1:4711", "198.51.100.1"),
        ("10.0.0.1", b"[2001:db8:9::1]:4711", "2001:db8:9::1"),
        ("10.0.0.1", b"2001:db8:9::1", "2001:db8:9::1"),
        ("10.0.0.1", b"::ffff:198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", b"\xff\xfe", "10.0.0.1"),
        ("10.0.0.1", b"6.6.6.6" + b", 10.0.0.2" * 1000, "10.0.0.2"),
    ],
)
def test_the_client_is_the_rightmost_that_is_no_trusted_proxy(peer: str, chain: bytes | None, client: str) -> None:
    assert client_of(peer, chain, PROXIES) == client
