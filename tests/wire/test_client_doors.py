"""TLS by name, PROXY headers and bounds of a client port, over real sockets."""

import asyncio
import contextlib
import socket
import ssl
import threading
import time
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path

import pytest
import pytest_asyncio
from world.certificates import Authority
from world.client import Client
from world.fleet import Clock, until

from shield_proxy.config.state import Origin, Zone
from shield_proxy.wire.fast import FastPath
from shield_proxy.wire.serving.doors import Entry, Room
from shield_proxy.wire.serving.exchange import Exchange
from shield_proxy.wire.serving.listener import Listener, ServerLimits
from shield_proxy.wire.serving.trusted import TrustedProxies
from shield_proxy.wire.tls.certificates import Certificates

GET = b"GET /%s HTTP/1.1\r\nHost: shop.example\r\n\r\n"
V2 = b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\xc6\x33\x64\x07\x7f\x00\x00\x01\x12\x34\x00\x50"
UNRECOGNIZED_NAME = b"\x15\x03\x01\x00\x02\x02\x70"


class Naming:
    """Answers with what is known of the connection, or with as many bytes as the path says."""

    fast: FastPath | None = None

    def answer(self, exchange: Exchange) -> Coroutine[None, None, None] | None:
        size = exchange.head.target.removeprefix(b"/")
        if exchange.body is not None:
            return self._echo(exchange)
        arrival = exchange.arrival
        told = f"{arrival.peer} {arrival.trusted} {arrival.scheme.decode()} {arrival.server_name}".encode()
        exchange.reply(200, b"HTTP/1.1 200 OK\r\n", b"x" * int(size) if size.isdigit() else told)
        return None

    async def _echo(self, exchange: Exchange) -> None:
        assert exchange.body is not None
        exchange.begin(200, b"HTTP/1.1 200 OK\r\n", None)
        while piece := await exchange.body.read():
            await exchange.write(piece)
        exchange.end()

    def refusal(self, status: int, reason: str, peer: str, request_id: bytes = b"") -> tuple[bytes, bytes]:
        return b"HTTP/1.1 %d No\r\n" % status, reason.encode()


def zone(certificate: str | None, *hosts: str) -> Zone:
    return Zone(hosts[0], "shop", hosts[0], 1, hosts, (Origin("web", "127.0.0.1", 1),), certificate=certificate)


class Port:
    """A listener with certificates in a folder."""

    def __init__(self, directory: Path, authority: Authority) -> None:
        self.directory, self.authority, self.clock = directory, authority, Clock()
        self.certificates = Certificates(directory, clock=self.clock, wall=self.clock.wall)
        self.listeners: list[Listener] = []
        self.clients: list[Client] = []

    def use(self, *zones: Zone) -> None:
        self.certificates.use(zones)
        self.certificates.look()

    async def listen(self, host: str = "127.0.0.1", room: int = 100, **entry: object) -> Listener:
        made = Entry(**entry)  # type: ignore[arg-type]
        listener = Listener(Naming(), ServerLimits(), self.clock, entry=made, room=Room(room))
        await listener.listen(((host, 0),))
        self.listeners.append(listener)
        return listener

    async def secured(self, **entry: object) -> Listener:
        return await self.listen(certificates=self.certificates, **entry)

    def trusting(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cadata=self.authority.pem)
        context.verify_flags &= ~getattr(ssl, "VERIFY_X509_STRICT", 0)
        return context

    async def connect(self, listener: Listener) -> Client:
        self.clients.append(await Client.connect(listener.addresses[0]))
        return self.clients[-1]

    async def connect_tls(self, listener: Listener, name: str | None, context: ssl.SSLContext | None = None) -> Client:
        context = context or self.trusting()
        if name is None:
            context.check_hostname = False
        connecting = asyncio.open_connection(
            *listener.addresses[0], ssl=context, server_hostname="" if name is None else name
        )
        self.clients.append(Client(*await connecting))
        return self.clients[-1]

    async def told(self, client: Client) -> str:
        client.send(GET % b"told")
        return (await client.read()).body.decode()


@pytest_asyncio.fixture
async def port(tmp_path: Path) -> AsyncIterator[Port]:
    made = Port(tmp_path, Authority())
    for name in ("shop.example", "other.example"):
        made.authority.issue(tmp_path / name.partition(".")[0], name, f"*.{name}")
    made.use(zone("shop", "shop.example", "*.shop.example"), zone("other", "other.example"), zone(None, "bare.example"))
    yield made
    for client in made.clients:
        client.writer.transport.abort()
    for listener in made.listeners:
        listener.close()
    await until(lambda: not any(listener.connections for listener in made.listeners))
    assert all(listener.door.room.taken == 0 for listener in made.listeners)


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


async def test_a_renewed_certificate_is_used_and_open_connections_stay(port: Port) -> None:
    listener = await port.secured()
    before = await port.connect_tls(listener, "shop.example")
    assert await port.told(before)
    port.authority.issue(port.directory / "shop", "shop.example", "new.example")
    port.certificates.look()
    after = await port.connect_tls(listener, "shop.example")
    names = after.writer.get_extra_info("peercert")["subjectAltName"]
    assert ("DNS", "new.example") in names
    assert await port.told(before) == await port.told(after)


@pytest.mark.parametrize("damage", ["truncated", "missing", "another key"])
async def test_a_broken_certificate_leaves_the_former_in_use_and_is_reported(
    port: Port, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    listener = await port.secured()
    files = port.directory / "shop"
    match damage:
        case "truncated":
            (files / "tls.crt").write_text("-----BEGIN CERTIFICATE-----\nMII")
        case "missing":
            (files / "tls.key").unlink()
        case _:
            (files / "tls.key").write_bytes((port.directory / "other" / "tls.key").read_bytes())
    port.certificates.look()
    port.certificates.look()
    assert len([record for record in caplog.records if record.levelname == "ERROR"]) == 1
    states = port.certificates.states()
    assert states == {"loaded": 1, "missing": int(damage == "missing"), "broken": int(damage != "missing")}
    assert [(problem.zone, problem.reason) for problem in port.certificates.problems()] == [
        ("shop.example", "SecretMissing" if damage == "missing" else "CertificateInvalid")
    ]
    assert await port.told(await port.connect_tls(listener, "shop.example"))
    port.authority.issue(files, "shop.example")
    port.certificates.look()
    assert not tuple(port.certificates.problems())


async def test_an_expired_certificate_is_reported_and_its_end_is_shown(port: Port) -> None:
    ends = dict(port.certificates.expiries())
    assert ends.keys() == {"shop/shop.example", "shop/other.example"}
    assert all(0 < end - port.clock.wall() <= 86400 for end in ends.values())
    port.clock.pass_time(86401)
    assert {problem.reason for problem in port.certificates.problems()} == {"CertificateExpired"}


async def test_a_certificate_that_no_zone_names_any_more_is_not_used(port: Port) -> None:
    listener = await port.secured()
    port.use(zone("other", "other.example"))
    with pytest.raises(ssl.SSLError):
        await port.connect_tls(listener, "shop.example")


async def test_what_speaks_no_tls_gets_a_clear_end(port: Port) -> None:
    listener = await port.secured()
    client = await port.connect(listener)
    client.send(GET % b"told")
    assert (await client.read()).status == 400
    for start in (b"\x80\x2e\x01\x00", b"\x16\x03\x01\x00\x04\x02\x00\x00\x00"):
        other = await port.connect(listener)
        other.send(start)
        assert await other.reader.read() in (b"", b"\x15\x03\x01\x00\x02\x02\x32")
    results = listener.door.results
    assert (results["plain-http"], results["not-tls"], results["malformed"]) == (1, 1, 1)


async def test_tls_on_the_plain_port_is_refused_at_once(port: Port) -> None:
    client = await port.connect(await port.listen())
    client.send(b"\x16\x03\x01\x02\x00\x01")
    response = await client.read()
    assert (response.status, response.body) == (400, b"tls-on-plain-port")


@pytest.mark.parametrize("start", [b"", b"\x16\x03\x01\x02\x00\x01\x00"])
async def test_a_slow_handshake_is_ended(port: Port, start: bytes) -> None:
    listener = await port.secured()
    client = await port.connect(listener)
    client.send(start)
    await until(lambda: listener.door.openings == 1)
    port.clock.pass_time(9)
    listener.sweep(port.clock())
    assert listener.connections == 1
    port.clock.pass_time(2)
    listener.sweep(port.clock())
    await until(lambda: listener.connections == 0)
    assert listener.door.results["timeout"] == 1


async def test_where_many_only_begin_the_oldest_gives_way(port: Port) -> None:
    listener = await port.secured(openings=3)
    silent = [await port.connect(listener) for _ in range(5)]
    await until(lambda: listener.door.results["crowded"] == 2)
    assert await port.told(await port.connect_tls(listener, "shop.example"))
    assert listener.door.results["crowded"] == 3
    for client in silent[:3]:
        with contextlib.suppress(ConnectionError):
            assert await client.reader.read() == b""
    assert listener.door.openings == 2


async def test_beyond_the_room_that_ports_share_connections_are_closed(port: Port) -> None:
    listener = await port.secured(room=2)
    first, _second = await port.connect_tls(listener, "shop.example"), await port.connect(listener)
    await until(lambda: listener.door.room.taken == 2)
    third = await port.connect(listener)
    with contextlib.suppress(ConnectionError):
        assert await third.reader.read() == b""
    assert listener.door.refused == 1
    assert await port.told(first)


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


async def test_draining_ends_connections_that_have_only_begun(port: Port) -> None:
    listener = await port.secured()
    await port.connect(listener)
    idle = await port.connect_tls(listener, "shop.example")
    assert await port.told(idle)
    await until(lambda: listener.connections == 2)
    listener.begin_drain()
    listener.close_idle()
    assert await idle.reader.read() == b""
    await until(lambda: listener.connections == 0)


async def test_who_leaves_amid_a_handshake_is_counted_and_who_only_knocks_is_not(port: Port) -> None:
    listener = await port.secured()
    for start in (b"", b"\x16\x03\x01", b"\x16"):
        client = await port.connect(listener)
        client.send(start)
        await until(lambda: listener.connections == 1)
        await asyncio.sleep(0.01)
        client.writer.close()
        await until(lambda: listener.connections == 0)
    assert listener.door.results["left"] == 2
    assert sum(listener.door.results.values()) == 2
