"""Who may talk to whom: hop ports, origins with TLS, zones of one fleet."""

import asyncio
import ssl
from pathlib import Path

import pytest
from world.certificates import Authority
from world.client import Client
from world.fleet import Fleet, until, zone
from world.origin import Origin, Say

from shield_proxy.config.contract import Tier
from shield_proxy.config.identity import OPERATOR_URI, PodIdentity
from shield_proxy.config.state import Origin as Backend
from shield_proxy.config.state import OriginTls, Route
from shield_proxy.wire.tls.hops import load_hop_tls

CACHED = [("Cache-Control", "max-age=60")]
UPPER = PodIdentity("shop", "default", "upper").uri


async def answers(fleet: Fleet, pod: str, context: ssl.SSLContext | None) -> bool:
    """Whether the pod's hop port answers a request made with these certificates."""
    host, port = fleet.pods[pod].hop_addresses[0]
    try:
        reader, writer = await asyncio.open_connection(
            host, port, ssl=context, server_hostname="" if context is not None else None
        )
    except (OSError, ssl.SSLError):
        return False
    client = Client(reader, writer)
    try:
        client.send(b"GET /a HTTP/1.1\r\nHost: shop.example\r\n\r\n")
        return (await client.read()).status == 200
    except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
        return False
    finally:
        writer.transport.abort()


@pytest.mark.parametrize(
    ("uri", "admitted"),
    [
        (PodIdentity("shop", "default", "lower").uri, True),
        (UPPER, True),
        (PodIdentity("other", "default", "lower").uri, False),
        (PodIdentity("shop", "other", "lower").uri, False),
        (PodIdentity("shop", "default", "invented").uri, False),
        (OPERATOR_URI, False),
        ("spiffe://elsewhere.example/ns/shop/fleet/default/tier/lower", False),
    ],
)
async def test_an_upper_takes_pods_of_its_fleet_only(
    fleet: Fleet, origin: Origin, authority: Authority, tmp_path: Path, uri: str, admitted: bool
) -> None:
    await fleet.add("up", Tier.UPPER)
    fleet.use(zone(origin.port))
    tls = load_hop_tls(authority.issue(tmp_path / "caller", uri))
    assert await answers(fleet, "up", tls.client) is admitted
    assert len(origin.seen) == admitted


async def test_a_lower_takes_no_upper(fleet: Fleet, origin: Origin, authority: Authority, tmp_path: Path) -> None:
    await fleet.add("low", Tier.LOWER)
    fleet.use(zone(origin.port))
    tls = load_hop_tls(authority.issue(tmp_path / "caller", UPPER))
    assert not await answers(fleet, "low", tls.client)


async def test_a_hop_port_takes_neither_plain_text_nor_certificates_of_others(
    fleet: Fleet, origin: Origin, tmp_path: Path
) -> None:
    await fleet.add("up", Tier.UPPER)
    fleet.use(zone(origin.port))
    assert not await answers(fleet, "up", None)
    foreign = load_hop_tls(Authority("foreign CA").issue(tmp_path / "foreign", UPPER))
    assert not await answers(fleet, "up", foreign.client)
    anonymous = ssl.create_default_context()
    anonymous.check_hostname, anonymous.verify_mode = False, ssl.CERT_NONE
    assert not await answers(fleet, "up", anonymous)
    assert origin.seen == []


@pytest.mark.parametrize("uri", [PodIdentity("shop", "default", "lower").uri, OPERATOR_URI])
async def test_a_lower_asks_no_one_but_an_upper(
    fleet: Fleet, authority: Authority, tmp_path: Path, origin: Origin, uri: str
) -> None:
    impostor = Origin()
    await impostor.start(load_hop_tls(authority.issue(tmp_path / "impostor", uri)).server)
    try:
        low = await fleet.add("low", Tier.LOWER)
        state = fleet.state(zone(origin.port))
        (here,) = state.data_centers
        low.use(
            type(state)(
                *(state.namespace, state.fleet, state.generation, state.lease),
                data_centers=(type(here)(here.region, here.zone, {Tier.UPPER: f"127.0.0.1:{impostor.port}"}),),
                zones=state.zones,
            )
        )
        response = await fleet.get("low", "/a")
        assert response.status == 503
        assert b"upper-tier-identity" in response.body
        assert impostor.seen == []
    finally:
        await impostor.stop()


async def test_origins_are_verified_by_name_and_bundle(fleet: Fleet, authority: Authority, tmp_path: Path) -> None:
    web = Authority("web CA")
    files = web.issue(tmp_path / "web", "web.example")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files / "tls.crt", files / "tls.key")
    origin = Origin()
    await origin.start(context)
    try:
        await fleet.add("low", Tier.UPPER)
        claims = {
            200: OriginTls("web.example", ca_bundle=web.pem),
            525: OriginTls("other.example", ca_bundle=web.pem),
        }
        for status, tls in claims.items():
            fleet.use(zone(1, origins=(Backend("web", "127.0.0.1", origin.port, tls, "inner.example"),)))
            assert (await fleet.get("low", "/a")).status == status
        fleet.use(zone(1, origins=(Backend("web", "127.0.0.1", origin.port, OriginTls("web.example")),)))
        assert (await fleet.get("low", "/a")).status == 525
        careless = OriginTls("any.example", verify=False)
        fleet.use(zone(1, origins=(Backend("web", "127.0.0.1", origin.port, careless),)))
        assert (await fleet.get("low", "/a")).status == 200
        assert [seen["host"] for seen in origin.seen] == ["inner.example", "shop.example"]
    finally:
        await origin.stop()


async def test_zones_of_a_fleet_never_see_each_others_objects_even_when_a_host_moves(
    fleet: Fleet, origin: Origin
) -> None:
    second = Origin(lambda _: Say(fields=CACHED, body=b"second"))
    await second.start()
    try:
        origin.script = lambda _: Say(fields=CACHED, body=b"first")
        await fleet.add("low", Tier.LOWER, "eu/a")
        await fleet.add("up", Tier.UPPER, "us/b")
        fleet.use(zone(origin.port, "uid-1"), zone(second.port, "uid-2", hosts=("other.example",)))
        for _ in range(3):
            assert (await fleet.get("low", "/a")).body == b"first"
            assert (await fleet.get("low", "/a", host="other.example")).body == b"second"
        fleet.use(zone(second.port, "uid-2", hosts=("shop.example", "other.example")), zone(1, "uid-1", hosts=()))
        taken = await fleet.get("low", "/a")
        assert (taken.word, taken.body) == ("MISS", b"second")
        fleet.use(zone(origin.port, "uid-1"))
        assert (await fleet.get("low", "/a")).body == b"first"
        assert (await fleet.get("low", "/a", host="other.example")).status == 404
    finally:
        await second.stop()


async def test_routes_choose_the_backend(fleet: Fleet, origin: Origin) -> None:
    api = Origin(lambda _: Say(body=b"api"))
    await api.start()
    try:
        await fleet.add("low", Tier.UPPER)
        backends = (Backend("web", "127.0.0.1", origin.port), Backend("api", "127.0.0.1", api.port))
        routes = (Route("/api", "api"), Route("/", "api", ("api.shop.example",)))
        fleet.use(zone(1, origins=backends, routes=routes))
        bodies = {
            ("/", "shop.example"): b"hello",
            ("/api/x", "shop.example"): b"api",
            ("/apix", "shop.example"): b"hello",
            ("/", "api.shop.example"): b"api",
            ("/", "SHOP.example:8080"): b"hello",
        }
        for (target, host), body in bodies.items():
            assert (await fleet.get("low", target, host=host)).body == body
    finally:
        await api.stop()


async def test_a_drain_lets_requests_end_and_closes_connections(fleet: Fleet, origin: Origin) -> None:
    low = await fleet.add("low", Tier.UPPER)
    fleet.use(zone(origin.port))
    origin.script = lambda _: Say(fields=CACHED, body=b"one", delay=0.2)
    idle, busy = await fleet.client("low"), await fleet.client("low")
    assert (await idle.ask("/a")).status == 200
    running = asyncio.create_task(busy.ask("/b"))
    await until(lambda: len(origin.seen) == 2)
    low.begin_drain()
    late = await idle.ask("/a")
    assert (late.word, late["connection"]) == ("HIT", "close")
    assert await idle.closed()
    assert (await fleet.get("low", "/a")).status == 200
    silent = await fleet.client("low")
    assert await low.drained(5)
    assert (await running).body == b"one"
    assert await busy.closed()
    assert await silent.closed()
    assert low.client_addresses == ()


async def test_a_drain_ends_at_its_deadline(fleet: Fleet, origin: Origin) -> None:
    low = await fleet.add("low", Tier.UPPER)
    fleet.use(zone(origin.port))
    origin.script = lambda _: Say(delay=30)
    client = await fleet.client("low")
    client.send(b"GET /a HTTP/1.1\r\nHost: shop.example\r\n\r\n")
    await until(lambda: len(origin.seen) == 1)
    assert not await low.drained(0.1)


async def test_exactly_one_pod_owns_a_key(fleet: Fleet, origin: Origin) -> None:
    pods = [await fleet.add(f"low-{i}", Tier.UPPER) for i in range(3)]
    fleet.use(zone(origin.port))
    for pod in pods:
        await pod._members.refresh()
    owned = [sum(pod.ring_owner(b"key %d" % i) for i in range(60)) for pod in pods]
    assert sum(owned) == 60
    assert min(owned) > 5
