"""Errors of the shield's own as clients, figures and the log see them."""

import asyncio
import json
import time

import pytest
from world.fleet import Fleet, until, zone
from world.origin import Origin, Say

from shield_proxy.config.contract import Tier

BROWSER = ("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")


async def alone(fleet: Fleet, origin: Origin, **changes: object) -> None:
    """One tier, which asks the origin itself."""
    await fleet.add("up", Tier.UPPER, **changes)
    fleet.use(zone(origin.port))


def errors(fleet: Fleet) -> dict[str, int]:
    counted = fleet.pods["up"].counters.by_kind.items()
    return {reason: count for (name, reason), count in counted if name == "shield_errors_total"}


async def test_a_browser_gets_a_page_and_a_program_json(fleet: Fleet, origin: Origin) -> None:
    await alone(fleet, origin)
    await origin.stop()
    page = await fleet.get("up", "/a", BROWSER)
    assert page["content-type"] == "text/html; charset=utf-8"
    assert b"<h1>521 Origin Down</h1><p>origin-refused</p>" in page.body
    answer = await fleet.get("up", "/b")
    said = json.loads(answer.body)
    assert (said["code"], said["reason"], said["id"]) == (521, "origin-refused", answer["shield-request-id"])
    assert answer["cache-control"] == page["cache-control"] == "no-store"


async def test_head_has_the_same_head_and_no_body(fleet: Fleet, origin: Origin) -> None:
    await alone(fleet, origin)
    client = await fleet.client("up")
    head = await client.ask("/a", BROWSER, method="HEAD", host="nobody.example")
    whole = await client.ask("/a", BROWSER, host="nobody.example")
    assert (head.status, head.body) == (whole.status, b"") == (404, b"")
    assert int(head["content-length"]) == len(whole.body) > 100


async def test_nothing_of_the_request_or_the_origin_is_shown(fleet: Fleet, origin: Origin) -> None:
    await alone(fleet, origin)
    await origin.stop()
    for accept in (BROWSER, ("Accept", "application/json")):
        answer = await fleet.get("up", "/<script>?password=hunter2", accept, ("Authorization", "Bearer hunter2"))
        assert b"hunter2" not in answer.body
        assert b"script" not in answer.body
        assert b"127.0.0.1" not in answer.body
        assert str(origin.port).encode() not in answer.body


@pytest.mark.parametrize(
    ("loop", "host", "reason"), [(True, "shop.example", "loop"), (False, "x.example", "unknown-host")]
)
async def test_each_reason_is_counted_by_its_name(
    fleet: Fleet, origin: Origin, loop: bool, host: str, reason: str
) -> None:
    await alone(fleet, origin)
    await fleet.get("up", "/a")
    field = ("CDN-Loop", origin.seen[0]["cdn-loop"]) if loop else ("X", "y")
    await fleet.get("up", "/b", field, host=host)
    assert errors(fleet) == {reason: 1}


async def test_what_is_no_request_is_counted_and_logged_with_its_reason(fleet: Fleet, origin: Origin) -> None:
    await alone(fleet, origin)
    client = await fleet.client("up")
    client.send(b"GET / HTTP/1.1\r\nHost : shop.example\r\n\r\n")
    assert (await client.read()).status == 400
    assert errors(fleet) == {"malformed-field": 1}


async def keep_late() -> None:
    """Each turn of the loop takes 30 ms: what is due in 50 ms comes at least 10 ms late."""
    while True:
        time.sleep(0.03)
        await asyncio.sleep(0)


async def test_a_late_loop_refuses_what_costs_and_answers_what_is_stored(fleet: Fleet, origin: Origin) -> None:
    await alone(fleet, origin, loop_delay=0.002, loop_delay_lasts=0.1)
    kept = [("Cache-Control", "max-age=60")]
    origin.script = lambda _: Say(fields=kept, body=b"kept")
    assert (await fleet.get("up", "/kept")).status == 200
    origin.script = lambda _: Say(body=b"slow", delay=4)
    slow = [await fleet.client("up") for _ in range(40)]
    for number, client in enumerate(slow):
        client.send(f"GET /slow/{number} HTTP/1.1\r\nHost: shop.example\r\n\r\n".encode())
    late = asyncio.create_task(keep_late())
    await until(lambda: fleet.pods["up"].counters.gauges.get("shield_shed_share", 0) > 0.5)
    await until(lambda: fleet.pods["up"].counters.gauges.get("shield_requests_running", 0) >= 32)
    answers = await asyncio.gather(*(fleet.get("up", f"/{number}") for number in range(4)))
    refused = [answer for answer in answers if answer.status == 503]
    assert len(refused) >= 2
    assert {answer["retry-after"] for answer in refused} == {"2"}
    assert (await fleet.get("up", "/kept")).word == "HIT"
    assert errors(fleet)["overloaded-delay"] >= 2
    late.cancel()
    for client in slow:
        await client.read()
