"""TLS towards clients over real sockets: certificates by name, bytes of any size in any cut, sessions."""

import asyncio
import contextlib
import socket
import ssl
import threading
import time

import pytest
from clientport import GET, Port, zone
from world.fleet import until


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("name", ["shop.example", "www.shop.example", "other.example"])
async def test_a_name_gets_the_certificate_of_its_zone(port: Port, name: str, version: ssl.TLSVersion) -> None:
    listener = await port.secured()
    context = port.trusting()
    context.maximum_version = version
    context.set_alpn_protocols(["h2", "http/1.1"])
    client = await port.connect_tls(listener, name, context)
    assert await port.told(client) == f"127.0.0.1 False https {name}"
    assert client.writer.get_extra_info("ssl_object").selected_alpn_protocol() == "http/1.1"
    assert listener.door.results["agreed"] == 1


@pytest.mark.parametrize("name", ["unknown.example", "bare.example", "a.other.example", None])
async def test_without_a_certificate_for_the_name_the_handshake_is_refused(port: Port, name: str | None) -> None:
    listener = await port.secured()
    with pytest.raises(ssl.SSLError, match=r"(?i)unrecognized.name"):
        await port.connect_tls(listener, name)
    assert listener.door.results["unknown-name" if name else "no-name"] == 1


async def test_a_zone_for_every_host_answers_a_client_without_a_name(port: Port) -> None:
    port.use(zone("shop", "*"))
    client = await port.connect_tls(await port.secured(), None)
    assert await port.told(client) == "127.0.0.1 False https "


@pytest.mark.parametrize("size", [0, 1, 16384, 16385, 70_000, 3_000_000])
async def test_bodies_of_any_size_come_whole(port: Port, size: int) -> None:
    client = await port.connect_tls(await port.secured(), "shop.example")
    for _ in range(2):
        client.send(GET % str(size).encode())
        assert len((await client.read()).body) == size


async def test_a_large_body_both_ways_is_sent_at_the_pace_of_the_client(port: Port) -> None:
    listener = await port.secured()
    body = bytes(range(256)) * 40_000
    request = b"POST /x HTTP/1.1\r\nHost: shop.example\r\nContent-Length: %d\r\n\r\n" % len(body)

    def exchange() -> bytes:
        plain = socket.create_connection(listener.addresses[0], timeout=10)
        with port.trusting().wrap_socket(plain, server_hostname="shop.example") as secured:
            sending = threading.Thread(target=secured.sendall, args=(request + body,))
            sending.start()
            time.sleep(0.2)
            received = b"".join(iter(lambda: secured.recv(50_000), b""))
            sending.join()
            return received

    received = await asyncio.to_thread(exchange)
    head, _, chunks = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    assert unchunked(chunks) == body


def unchunked(chunks: bytes) -> bytes:
    pieces: list[bytes] = []
    while chunks != b"0\r\n\r\n":
        size, _, rest = chunks.partition(b"\r\n")
        end = int(size, 16)
        pieces.append(rest[:end])
        chunks = rest[end + 2 :]
    return b"".join(pieces)


async def test_pipelined_requests_are_answered_in_order_and_in_every_cut(port: Port) -> None:
    client = await port.connect_tls(await port.secured(), "shop.example")
    stream = b"".join(GET % str(size).encode() for size in (1, 2, 3))
    for cut in range(1, len(stream), 7):
        client.send(stream[:cut])
        await asyncio.sleep(0)
        client.send(stream[cut:])
        assert [len((await client.read()).body) for _ in range(3)] == [1, 2, 3]


async def test_a_handshake_in_single_bytes_succeeds(port: Port) -> None:
    listener = await port.secured()
    reader, writer = await asyncio.open_connection(*listener.addresses[0])
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    engine = port.trusting().wrap_bio(incoming, outgoing, server_hostname="shop.example")
    agreed = False
    while not agreed:
        with contextlib.suppress(ssl.SSLWantReadError):
            engine.do_handshake()
            agreed = True
        for byte in outgoing.read():
            writer.write(bytes((byte,)))
            await asyncio.sleep(0)
        if not agreed:
            incoming.write(await reader.read(1 << 16))
    await until(lambda: listener.door.results["agreed"] == 1)
    writer.transport.abort()


async def test_a_session_is_resumed_under_its_own_certificate_only(port: Port) -> None:
    listener = await port.secured()
    context = port.trusting()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False

    def ask(name: str, session: ssl.SSLSession | None) -> ssl.SSLSession | None:
        plain = socket.create_connection(listener.addresses[0])
        with context.wrap_socket(plain, server_hostname=name, session=session) as secured:
            secured.sendall(GET % b"told")
            secured.recv(1000)
            return secured.session

    session = await asyncio.to_thread(ask, "shop.example", None)
    await asyncio.to_thread(ask, "shop.example", session)
    assert (listener.door.results["agreed"], listener.door.results["resumed"]) == (1, 1)
    await asyncio.to_thread(ask, "other.example", session)
    assert (listener.door.results["agreed"], listener.door.results["resumed"]) == (2, 1)
    port.authority.issue(port.directory / "shop", "shop.example")
    port.certificates.look()
    await asyncio.to_thread(ask, "shop.example", session)
    assert (listener.door.results["agreed"], listener.door.results["resumed"]) == (3, 1)
