"""What the proxy does when origins are slow, full or gone: waits, leaves them alone, repeats little."""

import asyncio

from world.alone import alone, counted, use
from world.fleet import Fleet, until
from world.origin import Origin, Say, Seen

from shield_proxy.config.contract import Tier
from shield_proxy.wire.upstream.connection import UpstreamLimits


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
