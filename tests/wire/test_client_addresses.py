"""Who a client is: its address by PROXY headers of both versions, and which peers are trusted."""

import asyncio
import contextlib

import pytest
from clientport import GET, V2, Port
from world.client import Client

from shield_proxy.wire.serving.trusted import TrustedProxies

HEADERS = {
    "version 1": (b"PROXY TCP4 198.51.100.7 127.0.0.1 4660 80\r\n", "198.51.100.7"),
    "version 1, IPv6": (b"PROXY TCP6 2001:db8::7 ::1 4660 80\r\n", "2001:db8::7"),
    "version 2": (V2, "198.51.100.7"),
    "local": (b"\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00", "127.0.0.1"),
}


@pytest.mark.parametrize("name", HEADERS)
async def test_a_proxy_header_tells_the_peer_in_every_split(port: Port, name: str) -> None:
    listener = await port.listen(proxy_protocol=True)
    header, peer = HEADERS[name]
    stream = header + GET % b"told"
    for cut in range(1, len(header) + 2):
        client = await port.connect(listener)
        client.send(stream[:cut])
        await asyncio.sleep(0)
        client.send(stream[cut:])
        assert (await client.read()).body.decode() == f"{peer} False http None"
        client.writer.transport.abort()


async def test_a_proxy_header_comes_before_tls(port: Port) -> None:
    listener = await port.secured(proxy_protocol=True)
    reader, writer = await asyncio.open_connection(*listener.addresses[0])
    writer.write(V2)
    await writer.start_tls(port.trusting(), server_hostname="shop.example")
    client = Client(reader, writer)
    port.clients.append(client)
    assert await port.told(client) == "198.51.100.7 False https shop.example"


@pytest.mark.parametrize("start", [GET % b"told", b"PROXY TCP4 a b 1 2\r\n", V2[:12] + b"\x31"])
async def test_without_a_valid_header_the_connection_is_closed_without_a_word(port: Port, start: bytes) -> None:
    listener = await port.listen(proxy_protocol=True)
    client = await port.connect(listener)
    client.send(start)
    with contextlib.suppress(ConnectionError):
        assert await client.reader.read() == b""
    assert listener.door.results["proxy-malformed"] == 1


async def test_where_proxies_are_named_others_may_send_no_header(port: Port) -> None:
    strangers = await port.listen(proxy_protocol=True, trusted=TrustedProxies(("192.0.2.0/24",)))
    client = await port.connect(strangers)
    client.send(V2 + GET % b"told")
    with contextlib.suppress(ConnectionError):
        assert await client.reader.read() == b""
    assert strangers.door.results["proxy-untrusted"] == 1


async def test_trust_is_asked_for_the_address_in_the_header(port: Port) -> None:
    listener = await port.listen(proxy_protocol=True, trusted=TrustedProxies(("127.0.0.0/8",)))
    client = await port.connect(listener)
    client.send(V2)
    assert await port.told(client) == "198.51.100.7 False http None"
    balancer = await port.connect(listener)
    balancer.send(HEADERS["local"][0])
    assert await port.told(balancer) == "127.0.0.1 True http None"


async def test_ipv6_clients_are_known_by_their_address(port: Port) -> None:
    listener = await port.listen("::1", trusted=TrustedProxies(("::1",)))
    assert await port.told(await port.connect(listener)) == "::1 True http None"
