"""Traces: passed on as they came, or with spans of our own that a real receiver gets."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as Sent
from opentelemetry.proto.trace.v1.trace_pb2 import Status
from world.fleet import Fleet, until, zone
from world.origin import Origin, Say

from shield_proxy.config.contract import Tier
from shield_proxy.process.otlp import WAITING, SpanOutlet
from shield_proxy.tiers.telemetry.tracing import Span, Tracer
from shield_proxy.wire.http.tracecontext import parse_traceparent

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


class Receiver:
    """An OTLP/HTTP receiver that keeps what it was sent."""

    def __init__(self) -> None:
        self.spans: list[Sent] = []
        self.resources: list[dict[str, str]] = []
        self.status = 200
        self.port = 0

    async def take(self, request: web.Request) -> web.Response:
        if self.status == 200:
            body = ExportTraceServiceRequest.FromString(await request.read())
            for group in body.resource_spans:
                self.resources.append({pair.key: pair.value.string_value for pair in group.resource.attributes})
                for scope in group.scope_spans:
                    self.spans += scope.spans
        return web.Response(status=self.status, content_type="application/x-protobuf")


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    app = web.Application()
    app.router.add_post("/v1/traces", made.take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.port = runner.addresses[0][1]
    yield made
    await runner.cleanup()


@pytest_asyncio.fixture
async def outlet(receiver: Receiver) -> AsyncIterator[SpanOutlet]:
    made = SpanOutlet(f"http://127.0.0.1:{receiver.port}", {"shield.tier": "all"})
    yield made
    await asyncio.to_thread(made.close, 5)


async def two_tiers(fleet: Fleet, origin: Origin) -> None:
    await fleet.add("low", Tier.LOWER, "eu/a")
    await fleet.add("up", Tier.UPPER, "us/b")
    fleet.use(zone(origin.port))
    origin.script = lambda _: Say(fields=[("Cache-Control", "max-age=60")], body=b"hello")


def told(span: Sent) -> dict[str, Any]:
    return {pair.key: pair.value.string_value or pair.value.int_value for pair in span.attributes}


@pytest.mark.parametrize("state", [(), (("tracestate", "a=1,b=2"),)])
async def test_without_spans_of_our_own_a_trace_is_passed_on_unchanged(
    fleet: Fleet, origin: Origin, state: tuple[tuple[str, str], ...]
) -> None:
    await two_tiers(fleet, origin)
    parent = f"00-{TRACE}-{PARENT}-00"
    assert (await fleet.get("low", "/a", ("traceparent", parent), *state)).status == 200
    assert origin.seen[0].values("traceparent") == [parent]
    assert origin.seen[0].values("tracestate") == [value for _, value in state]


async def test_a_malformed_trace_goes_no_further(fleet: Fleet, origin: Origin) -> None:
    await two_tiers(fleet, origin)
    await fleet.get("low", "/a", ("traceparent", f"00-{TRACE.upper()}-{PARENT}-00"), ("tracestate", "a=1"))
    assert origin.seen[0].values("traceparent") == origin.seen[0].values("tracestate") == []


async def test_all_tiers_know_a_failed_request_by_the_id_that_its_client_is_told(fleet: Fleet, origin: Origin) -> None:
    await two_tiers(fleet, origin)
    await origin.stop()
    answer = await fleet.get("low", "/a", ("traceparent", f"00-{TRACE}-{PARENT}-00"))
    assert (answer.status, answer["shield-request-id"]) == (521, TRACE)
    assert TRACE.encode() in answer.body
    other = await fleet.get("low", "/b")
    assert other["shield-request-id"].encode() in other.body
    assert other["shield-request-id"] != TRACE


async def test_a_request_is_a_chain_of_spans_through_the_tiers(
    fleet: Fleet, origin: Origin, receiver: Receiver, outlet: SpanOutlet
) -> None:
    await two_tiers(fleet, origin)
    for pod in fleet.pods.values():
        pod.trace(0.0, outlet.take)
    answer = await fleet.get("low", "/a?secret=1", ("traceparent", f"00-{TRACE}-{PARENT}-01"), ("tracestate", "a=1"))
    assert answer.word == "MISS"
    await until(lambda: len(receiver.spans) == 4, 15)
    by_parent = {span.parent_span_id.hex(): span for span in receiver.spans}
    chain = [by_parent[PARENT]]
    while len(chain) < 4:
        chain.append(by_parent[chain[-1].span_id.hex()])
    assert [span.name for span in chain] == ["GET", "ask tier", "GET", "ask origin"]
    assert [span.kind for span in chain] == [Sent.SPAN_KIND_SERVER, Sent.SPAN_KIND_CLIENT] * 2
    assert {span.trace_id.hex() for span in chain} == {TRACE}
    seen = parse_traceparent(origin.seen[0]["traceparent"].encode())
    assert seen is not None
    assert (seen.trace_id.decode(), seen.parent_id.hex() and seen.parent_id.decode(), seen.sampled) == (
        TRACE,
        chain[-1].span_id.hex(),
        True,
    )
    assert origin.seen[0].values("tracestate") == ["a=1"]
    first = told(chain[0])
    assert (first["http.response.status_code"], first["shield.cache_status"]) == (200, "MISS")
    assert (first["url.path"], first["shield.zone"]) == ("/a", "shop/shop")
    assert not any("secret" in str(value) for value in first.values())
    assert all(span.start_time_unix_nano <= span.end_time_unix_nano for span in chain)
    assert receiver.resources[0]["service.name"] == "smart-shield"


async def test_failures_are_spans_that_failed(
    fleet: Fleet, origin: Origin, receiver: Receiver, outlet: SpanOutlet
) -> None:
    await two_tiers(fleet, origin)
    for pod in fleet.pods.values():
        pod.trace(1.0, outlet.take)
    await origin.stop()
    assert (await fleet.get("low", "/a")).status == 521
    await until(lambda: len(receiver.spans) == 4, 15)
    failed = {span.name: told(span) for span in receiver.spans if span.status.code == Status.STATUS_CODE_ERROR}
    assert failed["ask origin"]["error.type"] == "refused"
    assert failed["GET"]["http.response.status_code"] == 521
    assert len({span.trace_id for span in receiver.spans}) == 1


async def test_what_is_not_sampled_makes_no_span_and_is_told_so(
    fleet: Fleet, origin: Origin, receiver: Receiver, outlet: SpanOutlet
) -> None:
    await two_tiers(fleet, origin)
    for pod in fleet.pods.values():
        pod.trace(0.0, outlet.take)
    await fleet.get("low", "/a")
    await fleet.get("low", "/b", ("traceparent", f"00-{TRACE}-{PARENT}-00"))
    parents = [parse_traceparent(seen["traceparent"].encode()) for seen in origin.seen]
    assert [parent.sampled for parent in parents if parent] == [False, False]
    await asyncio.to_thread(outlet.close, 5)
    assert receiver.spans == []


async def test_a_receiver_that_takes_nothing_costs_spans_and_nothing_else(
    receiver: Receiver, outlet: SpanOutlet, recwarn: pytest.WarningsRecorder
) -> None:
    receiver.status = 400
    span = Span("GET", True, TRACE.encode(), b"1" * 16, b"", 1.0, 2.0, {}, False)
    for _ in range(WAITING + 10):
        outlet.take(span)
    assert outlet.dropped >= 10
    await until(lambda: outlet.dropped >= WAITING + 10, 15)


def test_the_share_of_new_traces_follows_from_their_ids() -> None:
    ids = [b"%032x" % (number * (2**128 // 1000) + 2**52 * number // 1000) for number in range(1000)]
    for share, least, most in ((0.0, 0, 0), (0.25, 200, 300), (1.0, 1000, 1000)):
        tracer = Tracer(share, lambda _: None, lambda: 0.0)
        sampled = [tracer.begin({}, request_id).sampled for request_id in ids]
        assert least <= sum(sampled) <= most
        assert sampled == [Tracer(share, lambda _: None, lambda: 0.0).begin({}, one).sampled for one in ids]
