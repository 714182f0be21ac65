"""Clients through TLS and through proxies in front: what tiers and origins learn of them."""

import asyncio
import ssl
from pathlib import Path

import pytest
from world.certificates import Authority
from world.client import Client
from world.fleet import Fleet, until, zone
from world.origin import Origin, Say, Seen
from world.raworigin import RawOrigin

from shield_proxy.config.contract import Tier
from shield_proxy.tiers.dataplane import Dataplane

CACHED = [("Cache-Control", "max-age=60")]


async def secured(fleet: Fleet, origin: Origin, authority: Authority, tmp_path: Path, **changes: object) -> Dataplane:
    """A lower with TLS in front of an upper; shop and other have certificates of their own."""
    for name in ("shop", "other"):
        authority.issue(tmp_path / "certificates" / name, f"{name}.example", f"*.{name}.example")
    pod = await fleet.add(
        "low",
        Tier.LOWER,
        client_tls_listen=(("127.0.0.1", 0),),
        certificates_dir=tmp_path / "certificates",
        **changes,
    )
    await fleet.add("up", Tier.UPPER)
    uppers = {"web": ("eu/a",)}
    fleet.use(
        zone(origin.port, certificate="shop", uppers=uppers),
        zone(origin.port, uid="uid-other", name="other", hosts=("other.example",), certificate="other", uppers=uppers),
        zone(origin.port, uid="uid-bare", name="bare", hosts=("bare.example",), uppers=uppers),
    )
    pod.certificates.look()
    return pod


async def connect(pod: Dataplane, authority: Authority, name: str = "shop.example") -> Client:
    context = ssl.create_default_context(cadata=authority.pem)
    context.verify_flags &= ~getattr(ssl, "VERIFY_X509_STRICT", 0)
    return await Client.connect(pod.client_tls_addresses[0], ssl=context, server_hostname=name)


async def test_https_and_http_are_kept_apart_and_origins_are_told_which_it_was(
    fleet: Fleet, origin: Origin, authority: Authority, tmp_path: Path
) -> None:
    def answer(seen: Seen) -> Say:
        return Say(fields=CACHED, body=seen["x-forwarded-proto"].encode())

    origin.script = answer
    client = await connect(await secured(fleet, origin, authority, tmp_path), authority)
    for word in ("MISS", "HIT", "HIT"):
        response = await client.ask("/a")
        assert (response.word, response.body) == (word, b"https")
        response = await fleet.get("low", "/a")
        assert (response.word, response.body) == (word, b"http")
    await client.close()


async def test_a_connection_for_one_certificate_carries_no_requests_for_another(
    fleet: Fleet, origin: Origin, authority: Authority, tmp_path: Path
) -> None:
    origin.script = lambda _: Say(fields=CACHED, body=b"x")
    pod = await secured(fleet, origin, authority, tmp_path)
    shop, other = await connect(pod, authority), await connect(pod, authority, "other.example")
    for _ in range(3):
        assert (await other.ask("/a", host="other.example")).status == 200
        for host in ("other.example", "other.example:8443", "bare.example"):
            refused = await shop.ask("/a", host=host)
            assert (refused.status, refused.word) == (421, "NONE")
        for host in ("shop.example", "shop.example:8443", "www.shop.example"):
            assert (await shop.ask("/a", host=host)).status == 200
    assert len(origin.seen) == 4
    await shop.close()
    await other.close()


async def test_a_trusted_proxy_uses_one_connection_for_all_and_says_who_asks(
    fleet: Fleet, origin: Origin, authority: Authority, tmp_path: Path
) -> None:
    origin.script = lambda seen: Say(fields=CACHED, body=seen["x-forwarded-for"].encode())
    pod = await secured(fleet, origin, authority, tmp_path, trusted_proxies=("127.0.0.0/8",))
    proxy = await connect(pod, authority)
    said = ("X-Forwarded-For", "198.51.100.7")
    for word in ("MISS", "HIT", "HIT"):
        for host in ("shop.example", "other.example"):
            response = await proxy.ask("/a", said, host=host)
            assert (response.status, response.word, response.body) == (200, word, b"198.51.100.7, 127.0.0.1")
    assert (await proxy.ask("/a", said, ("X-Forwarded-Proto", "http"))).word == "MISS"
    assert (await fleet.get("low", "/a", said)).word == "HIT"
    assert (await fleet.get("low", "/a", ("X-Forwarded-Proto", "https"))).word == "HIT"
    await proxy.close()


@pytest.mark.parametrize(
    ("trusted", "words"), [((), ["MISS", "HIT", "HIT"]), (("127.0.0.0/8",), ["MISS", "MISS", "HIT"])]
)
async def test_what_strangers_say_of_hosts_and_schemes_changes_nothing(
    fleet: Fleet, origin: Origin, trusted: tuple[str, ...], words: list[str]
) -> None:
    origin.script = lambda _: Say(fields=CACHED)
    await fleet.add("low", Tier.UPPER, trusted_proxies=trusted)
    fleet.use(zone(origin.port))
    lines = [(), (("X-Forwarded-Host", "evil.example"),), (("X-Forwarded-Host", "evil.example"),)]
    assert [(await fleet.get("low", "/a", *said)).word for said in lines] == words


async def test_a_tunnel_goes_through_tls_both_ways_and_ends_with_the_client(
    fleet: Fleet, origin: Origin, authority: Authority, tmp_path: Path
) -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: chat\r\n\r\n")
        while piece := await reader.read(1 << 16):
            writer.write(piece)
            await writer.drain()

    raw = RawOrigin(echo)
    await raw.start()
    pod = await secured(fleet, origin, authority, tmp_path)
    fleet.use(zone(raw.port, certificate="shop", uppers={"web": ("eu/a",)}))
    client = await connect(pod, authority)
    client.send(b"GET / HTTP/1.1\r\nHost: shop.example\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\nearly")
    assert (await client.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
    sent = b"early" + bytes(range(256)) * 8000
    client.send(sent[5:])
    assert await client.reader.readexactly(len(sent)) == sent
    await client.close()
    await until(lambda: not any(len(pod._core.tunnels) for pod in fleet.pods.values()))
    await raw.stop()
