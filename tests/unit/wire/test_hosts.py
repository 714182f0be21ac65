"""Which claim a host name belongs to."""

import pytest

from shield_proxy.wire.http.hosts import HostMap

CLAIMS = HostMap(
    (
        ("shop.example", 1),
        ("*.shop.example", 2),
        ("*.img.shop.example", 3),
        ("shop.example", 4),
    )
)


@pytest.mark.parametrize(
    ("host", "value"),
    [
        ("shop.example", 1),
        ("www.shop.example", 2),
        ("a.b.shop.example", 2),
        ("img.shop.example", 2),
        ("a.img.shop.example", 3),
        ("workshop.example", None),
        ("example", None),
        (".shop.example", None),
        ("", None),
        ("[::1]", None),
    ],
)
def test_exact_names_come_before_wildcards_and_longer_ones_before_shorter(host: str, value: int | None) -> None:
    assert CLAIMS.find(host) == value


@pytest.mark.parametrize("host", ["", "a", "a.b", "[::1]", "192.0.2.1"])
def test_a_lone_star_covers_every_name_and_none(host: str) -> None:
    assert HostMap((("*", 1),)).find(host) == 1
