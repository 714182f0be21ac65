"""What figures say of unhealthy origins."""

from shield_proxy.config.state import FleetState, Origin, Zone
from shield_proxy.process.originfigures import MOST, origin_families


def zone(*origins: Origin) -> Zone:
    return Zone("uid", "shop", "web", 1, ("a.example",), origins)


def figures(*zones: Zone) -> list[str]:
    ((name, kind, _, samples),) = origin_families(FleetState("shop", "default", 1, 1, (), zones))
    assert (name, kind) == ("shield_origin_unhealthy", "gauge")
    assert {value for _, value in samples} <= {1.0}
    return [labels for labels, _ in samples]


def test_each_unhealthy_origin_is_shown_with_who_serves() -> None:
    eu = Origin("eu", "eu.example", 80, unhealthy=True, fallbacks=("us",))
    alone = Origin("alone", "a.example", 80, unhealthy=True)
    refused = Origin("refused", "r.example", 80, unhealthy=True, refuses=True)
    assert figures(zone(eu, Origin("us", "us.example", 80), alone, refused)) == [
        '{zone="shop/web",origin="eu",serving="us"}',
        '{zone="shop/web",origin="alone",serving="alone"}',
        '{zone="shop/web",origin="refused",serving=""}',
    ]


def test_without_unhealthy_origins_or_a_state_there_is_nothing_to_show() -> None:
    assert figures(zone(Origin("us", "us.example", 80))) == []
    ((_, _, _, samples),) = origin_families(None)
    assert list(samples) == []


def test_series_are_bounded() -> None:
    many = zone(*(Origin(f"o{i}", "o.example", 80, unhealthy=True) for i in range(MOST + 5)))
    assert len(figures(many)) == MOST
