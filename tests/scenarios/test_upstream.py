"""What the proxy does when origins are slow, full, gone, or not who they should be."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from world.certificates import Authority
from world.fleet import Fleet, until, zone
from world.origin import Origin, Say, Seen

from shield_proxy.config.contract import Tier
from shield_proxy.config.state import DataCenter, OriginTls
from shield_proxy.config.state import Origin as Backend
from shield_proxy.wire.upstream.connection import UpstreamLimits


async def alone(fleet: Fleet, port: int, limits: UpstreamLimits | None = None, **of_origin: Any) -> None:
    """One pod that asks the origin itself."""
    await fleet.add("low", Tier.UPPER, upstream=limits or UpstreamLimits())
    use(fleet, port, **of_origin)


def use(fleet: Fleet, port: int, **of_origin: Any) -> None:
    fleet.use(zone(port, origins=(Backend("web", "127.0.0.1", port, **of_origin),)))


def counted(fleet: Fleet, name: str, kind: str, pod: str = "low") -> int:
    return fleet.pods[pod].counters.by_kind.get((name, kind), 0)


# -- limits


async def test_an_origins_limit_makes_requests_wait_not_fail(fleet: Fleet, origin: Origin) -> None:
    await alone(fleet, origin.port, max_connections=2)
    origin.script = lambda _: Say(delay=0.02, body=b"ok")
    answers = await asyncio.gather(*(fleet.get("low", f"/{i}") for i in range(20)))
    assert {answer.status for answer in answers} == {200}
    assert origin.connections == 2


async def test_who_waits_in_vain_is_told_to_come_back_and_counted_apart(fleet: Fleet, origin: Origin) -> None:
    await alone(fleet, origin.port, UpstreamLimits(wait=0.3), max_connections=1)
    gate = asyncio.Event()

    async def wait(_: Seen) -> Say:
        await gate.wait()
        return Say(body=b"late")

    origin.script = wait
    first = asyncio.create_task(fleet.get("low", "/1"))
    await until(lambda: len(origin.seen) == 1)
    refused = await fleet.get("low", "/2")
    assert (refused.status, refused["retry-after"]) == (503, "1")
    assert b"origin-exhausted" in refused.body
    assert counted(fleet, "shield_upstream_errors_total", "exhausted") == 1
    gate.set()
    assert (await first).body == b"late"
    assert (await fleet.get("low", "/3")).status == 200


async def test_an_origin_may_take_longer_than_others(fleet: Fleet, origin: Origin) -> None:
    await fleet.add("low", Tier.LOWER, "eu/a")
    await fleet.add("up", Tier.UPPER, "us/b")
    origin.script = lambda _: Say(delay=0.6, body=b"ok")
    for seconds, status in ((0.2, 524), (5, 200)):
        use(fleet, origin.port, response_seconds=seconds)
        for options in ({}, {"method": "POST", "body": b"x" * 100}):
            response = await fleet.get("low", "/a", **options)
            assert response.status == status, (seconds, options, response.body)


# -- breakers


async def test_an_origin_that_is_gone_is_left_alone_and_found_again(fleet: Fleet, origin: Origin) -> None:
    await alone(fleet, origin.port)
    port = origin.port
    await origin.stop()
    answers = [await fleet.get("low", f"/{i}") for i in range(7)]
    assert [answer.status for answer in answers] == [521] * 7
    assert b"origin-refused-breaker" in answers[-1].body
    assert answers[-1]["retry-after"] == "5"
    assert b"origin-refused-breaker" not in answers[0].body
    assert counted(fleet, "shield_breaker_transitions_total", "origin-open") == 1
    asked = counted(fleet, "shield_fetches_total", "origin")
    await fleet.get("low", "/8")
    assert counted(fleet, "shield_fetches_total", "origin") == asked
    await origin.start(port=port)
    fleet.clock.pass_time(2)
    assert (await fleet.get("low", "/9")).status == 200
    assert counted(fleet, "shield_breaker_transitions_total", "origin-half-open") == 1
    assert counted(fleet, "shield_breaker_transitions_total", "origin-closed") == 1
    assert (await fleet.get("low", "/10")).status == 200


async def test_half_open_lets_one_request_try(fleet: Fleet, origin: Origin) -> None:
    await alone(fleet, origin.port)
    port = origin.port
    await origin.stop()
    for i in range(6):
        await fleet.get("low", f"/{i}")
    await origin.start(port=port)
    origin.script = lambda _: Say(delay=0.3, body=b"ok")
    fleet.clock.pass_time(2)
    answers = await asyncio.gather(*(fleet.get("low", f"/trial/{i}") for i in range(10)))
    assert sorted(answer.status for answer in answers) == [200] + [521] * 9
    assert len(origin.seen) == 1


async def test_an_open_breaker_lets_stale_responses_answer(fleet: Fleet, origin: Origin) -> None:
    await alone(fleet, origin.port)
    origin.script = lambda _: Say(fields=[("Cache-Control", "max-age=1, stale-if-error=1000")], body=b"kept")
    assert (await fleet.get("low", "/a")).word == "MISS"
    await origin.stop()
    fleet.clock.pass_time(2)
    for i in range(6):
        assert (await fleet.get("low", f"/{i}")).status == 521
    response = await fleet.get("low", "/a")
    assert (response.status, response.word, response.body) == (200, "STALE", b"kept")
    assert "breaker" in response["cache-status"]


async def test_errors_an_origin_says_itself_open_nothing(fleet: Fleet, origin: Origin) -> None:
    await alone(fleet, origin.port)
    origin.script = lambda _: Say(status=503, body=b"busy")
    for i in range(10):
        assert (await fleet.get("low", f"/{i}")).body == b"busy"
    assert counted(fleet, "shield_breaker_transitions_total", "origin-open") == 0


async def test_who_waits_for_a_hanging_origin_is_told_when_its_breaker_opens(fleet: Fleet, origin: Origin) -> None:
    await alone(fleet, origin.port, UpstreamLimits(wait=30), max_connections=5, response_seconds=0.5)
    origin.script = lambda _: Say(delay=60)
    answers = await asyncio.gather(*(fleet.get("low", f"/{i}") for i in range(20)))
    assert {answer.status for answer in answers} == {524}
    assert len(origin.seen) < 20


# -- repeating


async def test_a_request_whose_stale_connection_closed_is_repeated_on_a_new_one(fleet: Fleet, origin: Origin) -> None:
    await alone(fleet, origin.port)
    assert (await fleet.get("low", "/a")).status == 200
    lost: list[int] = []

    def once(seen: Seen) -> Say:
        if not lost:
            lost.append(seen.connection)
            return Say(raw=b"", close=True)
        return Say(body=b"second")

    origin.script = once
    assert (await fleet.get("low", "/b")).body == b"second"
    assert counted(fleet, "shield_retries_total", "stale") == 1


async def test_a_crashing_origin_is_not_asked_twice_without_end(fleet: Fleet, origin: Origin) -> None:
    await alone(fleet, origin.port)
    answered: set[int] = set()

    def every_second_crashes(seen: Seen) -> Say:
        if seen.connection in answered:
            return Say(raw=b"", close=True)
        answered.add(seen.connection)
        return Say(body=b"ok")

    origin.script = every_second_crashes
    for i in range(400):
        assert (await fleet.get("low", f"/{i}")).status in (200, 520)
    assert counted(fleet, "shield_retries_total", "stale") <= 33 + 0.25 * 400  # a repeated request is one, too
    assert counted(fleet, "shield_retries_total", "denied") > 0
    assert len(origin.seen) <= 433 + 0.25 * 400


# -- TLS


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
    assert (silent.status, b'"origin-tls"' in silent.body) == (525, True)

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


# -- between pods


async def test_a_pod_whose_machine_swallows_packets_costs_a_second_then_nothing(fleet: Fleet, origin: Origin) -> None:
    await fleet.add("low", Tier.LOWER, "eu/a")
    await fleet.add("up", Tier.UPPER, "us/c")
    with socket.create_server(("127.0.0.99", 0), backlog=0) as hole, ExitStack() as filling:
        for _ in range(8):  # until its backlog is full
            sock = filling.enter_context(socket.socket())
            sock.setblocking(False)
            with suppress(BlockingIOError):
                sock.connect(hole.getsockname())
        state = fleet.state(zone(origin.port, uppers={"web": ("us/b", "us/c")}))
        gone = DataCenter("us", "b", {Tier.UPPER: f"127.0.0.99:{hole.getsockname()[1]}"})
        for pod in fleet.pods.values():
            pod.use(replace(state, data_centers=(*state.data_centers, gone)))
        loop = asyncio.get_running_loop()
        began = loop.time()
        assert (await fleet.get("low", "/a")).status == 200
        assert 1.0 <= loop.time() - began < 4
        assert counted(fleet, "shield_upstream_errors_total", "connect-timeout") == 1
        assert (await fleet.get("low", "/b")).status == 200
        assert counted(fleet, "shield_upstream_errors_total", "connect-timeout") == 1


async def test_a_silent_pod_costs_a_moment_then_the_next_data_centre_is_asked(fleet: Fleet, origin: Origin) -> None:
    await fleet.add("low", Tier.LOWER, "eu/a")
    await fleet.add("up-1", Tier.UPPER, "us/b")
    await fleet.add("up-2", Tier.UPPER, "us/c")
    fleet.use(zone(origin.port, uppers={"web": ("us/b", "us/c")}))
    assert (await fleet.get("low", "/a")).status == 200
    await fleet.pods["up-1"].close()
    started = asyncio.get_running_loop().time()
    assert (await fleet.get("low", "/b")).status == 200
    assert asyncio.get_running_loop().time() - started < 5
    assert counted(fleet, "shield_breaker_transitions_total", "pod-open") >= 1
