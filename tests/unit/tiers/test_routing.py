"""Who is asked: zone, backend, ring, next hop, loops, budgets."""

from collections import Counter
from dataclasses import replace

import pytest

from shield_proxy.config.contract import Tier
from shield_proxy.config.state import DataCenter, FleetState, Origin, Route, Zone
from shield_proxy.tiers.fetching.health import OF_PODS, Breakers
from shield_proxy.tiers.fetching.members import parse_service
from shield_proxy.tiers.messages.budget import connect_seconds, deadline_of, remaining_ms
from shield_proxy.tiers.messages.loop import MOST_HOPS, loop_member, loops
from shield_proxy.tiers.routing.nexthop import AskOrigin, AskTier, Nobody, admits, next_hop
from shield_proxy.tiers.routing.ring import ring_order
from shield_proxy.tiers.routing.snapshot import Routed, Snapshot, compile_snapshot, host_of, route, turns

REGIONAL, UPPER = {Tier.REGIONAL: "hub"}, {Tier.UPPER: "up"}
WEB, API = Origin("web", "web.internal", 80), Origin("api", "api.internal", 80)


def zone(uid: str, *hosts: str, **changes: object) -> Zone:
    return replace(Zone(uid, "shop", uid, 1, hosts, (WEB, API)), **changes)  # type: ignore[arg-type]


def state(*zones: Zone, **services: dict[Tier, str]) -> FleetState:
    """Data centres are named region_zone."""
    places = tuple(
        DataCenter(name.partition("_")[0], name.partition("_")[2], tiers) for name, tiers in services.items()
    )
    return FleetState("shop", "default", 1, 1, places, zones)


@pytest.mark.parametrize(
    ("authority", "uid"),
    [
        (b"a.example", "exact"),
        (b"A.Example:8080", "exact"),
        (b"a.example.", "exact"),
        (b"b.example", "wide"),
        (b"x.y.example", "wide"),
        (b"x.deep.example", "deep"),
        (b"deep.example", "wide"),
        (b"example", None),
        (b"other.test", None),
        (b"", None),
        (b"[::1]:80", None),
    ],
)
def test_the_exact_host_wins_then_the_longest_wildcard(authority: bytes, uid: str | None) -> None:
    snapshot = compile_snapshot(
        state(zone("wide", "*.example"), zone("deep", "*.deep.example"), zone("exact", "a.example"))
    )
    routed = route(snapshot, authority, b"/")
    assert (routed.zone.uid if routed is not None else None) == uid


def test_a_star_takes_what_nobody_else_does() -> None:
    snapshot = compile_snapshot(state(zone("all", "*"), zone("one", "a.example")))
    uids = [routed.zone.uid for host in (b"a.example", b"127.0.0.1:80") if (routed := route(snapshot, host, b"/"))]
    assert uids == ["one", "all"]


@pytest.mark.parametrize(("authority", "host"), [(b"[::1]:80", "[::1]"), (b"A.b:1", "a.b"), (b"a.b.", "a.b")])
def test_the_host_of_an_authority(authority: bytes, host: str) -> None:
    assert host_of(authority) == host


@pytest.mark.parametrize(
    ("host", "path", "backend"),
    [
        (b"a.example", b"/", "web"),
        (b"a.example", b"/api", "api"),
        (b"a.example", b"/api/x", "api"),
        (b"a.example", b"/apix", "web"),
        (b"b.example", b"/static/x", "api"),
        (b"a.example", b"/static/x", "web"),
        (b"x.c.example", b"/", "api"),
        (b"c.example", b"/", "web"),
    ],
)
def test_the_first_route_that_covers_a_request_names_its_backend(host: bytes, path: bytes, backend: str) -> None:
    routes = (Route("/api", "api"), Route("/static/", "api", ("b.example",)), Route("/", "api", ("*.c.example",)))
    routed = route(compile_snapshot(state(zone("z", "*.example", routes=routes))), host, path)
    assert routed is not None
    assert routed.origin.name == backend


def test_a_backend_is_served_by_who_stands_in_for_its_unhealthy_origin() -> None:
    ill = replace(WEB, unhealthy=True, fallbacks=("api",))
    routes = (Route("/api", "api"), Route("/web", "web"))
    snapshot = compile_snapshot(state(zone("z", "a.example", origins=(ill, API), routes=routes)))
    for path in (b"/", b"/web/x", b"/api/x"):
        routed = route(snapshot, b"a.example", path)
        assert routed is not None
        assert (routed.origin, routed.refused) == (API, False)


@pytest.mark.parametrize("refuses", [False, True])
def test_an_unhealthy_origin_without_a_stand_in_is_asked_or_refused(refuses: bool) -> None:
    ill = replace(WEB, unhealthy=True, refuses=refuses)
    snapshot = compile_snapshot(state(zone("z", "a.example", origins=(ill,)), eu_a=UPPER))
    routed = route(snapshot, b"a.example", b"/")
    assert routed is not None
    asked = Nobody("origin-unhealthy") if refuses else AskOrigin(ill)
    assert next_hop(snapshot, Tier.UPPER, "eu/a", routed) == asked
    # A lower tier asks on: what is stored in the upper one is not refused.
    assert next_hop(snapshot, Tier.LOWER, "eu/a", routed) == AskTier(Tier.UPPER, (("eu/a", "up"),))


def test_a_turn_is_told_from_a_state_that_changes_otherwise() -> None:
    def snapshot(web: Origin, generation: int = 1, *others: Zone) -> Snapshot:
        fleet = replace(state(zone("z", "a.example", origins=(web, API)), *others), generation=generation)
        return compile_snapshot(fleet)

    well, ill = replace(WEB, fallbacks=("api",)), replace(WEB, fallbacks=("api",), unhealthy=True)
    assert turns(snapshot(well), snapshot(ill))
    assert turns(snapshot(ill), snapshot(well))
    assert turns(snapshot(WEB), snapshot(replace(WEB, unhealthy=True, refuses=True)))
    assert not turns(snapshot(ill), snapshot(ill, 2, zone("new", "b.example")))
    assert not turns(snapshot(WEB), snapshot(replace(WEB, unhealthy=True)))


def test_a_stand_in_is_asked_by_its_own_upper_tier() -> None:
    ill = replace(WEB, unhealthy=True, fallbacks=("api",))
    uppers = {"web": ("eu/a",), "api": ("us/b", "eu/a")}
    snapshot = compile_snapshot(
        state(zone("z", "a.example", origins=(ill, API), uppers=uppers), eu_a=UPPER, us_b=UPPER)
    )
    routed = route(snapshot, b"a.example", b"/")
    assert routed is not None
    assert next_hop(snapshot, Tier.LOWER, "eu/a", routed) == AskTier(Tier.UPPER, (("us/b", "up"), ("eu/a", "up")))


def test_a_member_that_leaves_moves_only_its_own_keys() -> None:
    members = [(f"10.0.0.{i}", 8444) for i in range(5)]
    keys = [b"key %d" % i for i in range(2000)]
    before = {key: ring_order(key, members) for key in keys}
    after = {key: ring_order(key, members[1:])[0] for key in keys}
    assert all(after[key] == next(m for m in before[key] if m != members[0]) for key in keys)
    shares = Counter(order[0] for order in before.values())
    assert all(320 < count < 480 for count in shares.values())
    assert ring_order(b"k", members) == ring_order(b"k", reversed(members))


def hop(fleet: FleetState, tier: Tier = Tier.LOWER, dc: str = "eu/a", **changes: object) -> object:
    snapshot = compile_snapshot(fleet)
    return next_hop(snapshot, tier, dc, Routed(replace(zone("z", "h"), **changes), WEB, "z"))  # type: ignore[arg-type]


def test_tiers_without_a_service_are_skipped_down_to_the_origin() -> None:
    assert hop(state(eu_a={})) == AskOrigin(WEB)
    assert hop(state(eu_a={}, us_b=UPPER)) == AskTier(Tier.UPPER, (("us/b", "up"),))
    assert hop(state(eu_a={}, eu_b=REGIONAL, us_b=UPPER)) == AskTier(Tier.REGIONAL, (("eu/b", "hub"),))
    assert hop(state(eu_a={}, us_b={**UPPER, **REGIONAL})) == AskTier(Tier.UPPER, (("us/b", "up"),))
    assert hop(state(eu_a=UPPER), Tier.UPPER) == AskOrigin(WEB)


def test_uppers_are_asked_in_the_order_of_the_assignment() -> None:
    fleet = state(eu_a=UPPER, us_b=UPPER, us_c=UPPER)
    asked = hop(fleet, uppers={"web": ("us/c", "gone/x", "eu/a")})
    assert asked == AskTier(Tier.UPPER, (("us/c", "up"), ("eu/a", "up")))


def test_an_assignment_nobody_can_follow_is_an_error_and_never_the_origin() -> None:
    assert hop(state(eu_a={}), uppers={"web": ("us/b",)}) == Nobody("no-upper-tier")


def test_a_fleet_whose_upper_tiers_are_not_there_yet_asks_nobody() -> None:
    assert hop(state(eu_a={Tier.LOWER: "low"}, us_b={})) == Nobody("no-upper-tier")


def test_unmeasured_backends_have_one_order_of_uppers_everywhere() -> None:
    fleet = state(eu_a=UPPER, us_b=UPPER, us_c=UPPER)
    orders = {str(hop(fleet, dc=dc)) for dc in ("eu/a", "us/b", "us/c")}
    assert len(orders) == 1


@pytest.mark.parametrize(
    ("own", "caller", "admitted"),
    [
        (Tier.UPPER, "lower", True),
        (Tier.UPPER, "regional", True),
        (Tier.UPPER, "upper", True),
        (Tier.LOWER, "upper", False),
        (Tier.REGIONAL, "upper", False),
        (Tier.UPPER, "operator", False),
    ],
)
def test_requests_travel_in_one_direction(own: Tier, caller: str, admitted: bool) -> None:
    assert admits(own, caller) is admitted


def test_a_zone_that_passed_a_client_port_may_not_pass_another() -> None:
    own = loop_member("uid")
    assert not loops(None, "uid", from_hop=False)
    assert not loops(b"othercdn, " + loop_member("other"), "uid", from_hop=False)
    assert loops(b"othercdn; a=b, " + own.upper().replace(b" ", b""), "uid", from_hop=False)
    assert not loops(b", ".join([own] * MOST_HOPS), "uid", from_hop=True)
    assert loops(b", ".join([own] * (MOST_HOPS + 1)), "uid", from_hop=True)


def test_a_budget_shrinks_from_hop_to_hop() -> None:
    assert remaining_ms(deadline=110, now=100) == 9500
    assert remaining_ms(deadline=90, now=100) == 1
    assert deadline_of(b"9500", now=100, longest=119) == 109.5
    for nonsense in (None, b"", b"-1", b"x", b"9" * 20):
        assert deadline_of(nonsense, now=100, longest=119) == 219
    assert deadline_of(b"999999999", now=100, longest=119) == 219


@pytest.mark.parametrize(
    ("round_trip", "left", "seconds"),
    [
        (0.001, 100, (0.25, 1.0)),
        (0.1, 100, (0.4, 1.15)),
        (None, 100, (1.0, 1.75)),
        (0.1, 0.3, (0.3, 0.3)),
        (0.1, -5, (0.05, 0.05)),
    ],
)
def test_a_connection_between_pods_gets_four_round_trips_or_what_is_left(
    round_trip: float | None, left: float, seconds: tuple[float, float]
) -> None:
    assert connect_seconds(round_trip, left) == pytest.approx(seconds)


def test_a_pod_that_failed_is_left_out_then_tried_by_one() -> None:
    health, pod = Breakers(OF_PODS, lambda: 0.5), ("10.0.0.1", 8444)
    assert health.usable(pod, 0)
    health.failed(pod, 0, "refused")
    assert not health.usable(pod, 0.9)
    assert health.usable(pod, 1.1)
    health.claim(pod, 1.1)
    assert not health.usable(pod, 1.2)
    health.failed(pod, 1.3, "refused")
    assert not health.usable(pod, 3.2)
    assert health.usable(pod, 3.4)
    health.answered(pod, 3.4)
    assert health.usable(pod, 3.4)


@pytest.mark.parametrize(
    ("names", "addresses"),
    [
        ("up.shop.svc", (("up.shop.svc", 8444),)),
        ("10.0.0.1:1, 10.0.0.2", (("10.0.0.1", 1), ("10.0.0.2", 8444))),
        ("[fd00::1]:99,fd00::2", (("fd00::1", 99), ("fd00::2", 8444))),
        ("", ()),
    ],
)
def test_services_are_names_or_addresses_with_or_without_port(names: str, addresses: object) -> None:
    assert parse_service(names) == addresses
