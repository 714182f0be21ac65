"""TLS towards origins: what is wrong is told, certificates are shown and renewed, sessions resumed."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from world.alone import alone, counted, use
from world.certificates import Authority
from world.fleet import Fleet, until
from world.origin import Origin

from shield_proxy.config.contract import Tier
from shield_proxy.config.state import OriginTls
from shield_proxy.wire.upstream.connection import UpstreamLimits


@asynccontextmanager
async def encrypted(context: ssl.SSLContext) -> AsyncIterator[Origin]:
    origin = Origin()
    await origin.start(context)
    try:
        yield origin
    finally:
        await origin.stop()


def serving(files: Path, client_ca: str | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files / "tls.crt", files / "tls.key")
    if client_ca is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=client_ca)
    return context


@pytest.mark.parametrize("kind", ["name", "untrusted", "expired"])
async def test_what_is_wrong_with_an_origins_tls_is_told(fleet: Fleet, tmp_path: Path, kind: str) -> None:
    web = Authority("web CA")
    names = {"name": "other.example"}
    context = serving(web.issue(tmp_path / "web", names.get(kind, "web.example"), expired=kind == "expired"))
    async with encrypted(context) as origin:
        bundle = Authority("another CA").pem if kind == "untrusted" else web.pem
        await alone(fleet, origin.port, tls=OriginTls("web.example", ca_bundle=bundle))
        response = await fleet.get("low", "/a")
        assert (response.status, b"origin-tls-" + kind.encode() in response.body) == (525, True), response.body
        assert counted(fleet, "shield_upstream_errors_total", f"tls-{kind}") == 1
        assert origin.seen == []


async def test_plain_text_or_silence_where_tls_is_expected_is_told(
    fleet: Fleet, origin: Origin, authority: Authority
) -> None:
    await alone(fleet, origin.port, UpstreamLimits(connect=0.5), tls=OriginTls("web.example", ca_bundle=authority.pem))
    silent = await fleet.get("low", "/a")  # it reads on for the end of a head
    assert (silent.status, b'"origin-tls-timeout"' in silent.body) == (525, True)

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        await reader.read()
        writer.close()

    async with await asyncio.start_server(speak, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        use(fleet, port, tls=OriginTls("web.example", ca_bundle=authority.pem))
        spoken = await fleet.get("low", "/a")
        assert (spoken.status, b"origin-tls-protocol" in spoken.body) == (525, True)


async def test_a_client_certificate_is_shown_and_followed_when_it_is_renewed(fleet: Fleet, tmp_path: Path) -> None:
    web, clients, later = Authority("web CA"), Authority("clients CA"), Authority("later CA")
    secrets = tmp_path / "origin-tls"
    context = serving(web.issue(tmp_path / "web", "web.example"), clients.pem)
    async with encrypted(context) as origin:
        tls = OriginTls("web.example", ca_bundle=web.pem, client_certificate="shield")
        await fleet.add("low", Tier.UPPER, origin_tls_dir=secrets)
        use(fleet, origin.port, tls=tls)
        missing = await fleet.get("low", "/a")
        assert (missing.status, b"origin-tls-client" in missing.body) == (525, True)

        clients.issue(secrets / "shield", "shield.example")
        assert (await fleet.get("low", "/b")).status == 200

        fleet.clock.pass_time(2)
        later.issue(secrets / "shield", "shield.example")
        context.load_verify_locations(cadata=later.pem)
        assert (await fleet.get("low", "/c")).status == 200
        origin.hang_up()
        await until(lambda: fleet.pods["low"]._pool.open == 0)
        assert (await fleet.get("low", "/d")).status == 200
        shown = {w.get_extra_info("peercert")["issuer"][0][0][1] for w in origin.writers}
        assert shown == {"later CA"}


async def test_a_further_connection_resumes_the_session_of_an_earlier_one(fleet: Fleet, tmp_path: Path) -> None:
    web = Authority("web CA")
    async with encrypted(serving(web.issue(tmp_path / "web", "web.example"))) as origin:
        await alone(fleet, origin.port, tls=OriginTls("web.example", ca_bundle=web.pem))
        resumed = []
        for i in range(3):
            assert (await fleet.get("low", f"/{i}")).status == 200
            (writer,) = origin.writers
            resumed.append(writer.get_extra_info("ssl_object").session_reused)
            origin.hang_up()
            await until(lambda: fleet.pods["low"]._pool.open == 0 and not origin.writers)
        assert resumed == [False, True, True]


async def test_a_broken_renewal_leaves_the_former_client_certificate_in_use(fleet: Fleet, tmp_path: Path) -> None:
    web, clients = Authority("web CA"), Authority("clients CA")
    secrets = tmp_path / "origin-tls"
    clients.issue(secrets / "shield", "shield.example")
    async with encrypted(serving(web.issue(tmp_path / "web", "web.example"), clients.pem)) as origin:
        await fleet.add("low", Tier.UPPER, origin_tls_dir=secrets)
        use(fleet, origin.port, tls=OriginTls("web.example", ca_bundle=web.pem, client_certificate="shield"))
        assert (await fleet.get("low", "/a")).status == 200
        (secrets / "shield" / "tls.key").write_text("not a key")
        origin.hang_up()
        await until(lambda: fleet.pods["low"]._pool.open == 0)
        fleet.clock.pass_time(2)
        assert (await fleet.get("low", "/b")).status == 200
