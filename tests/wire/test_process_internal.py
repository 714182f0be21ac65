"""The internal port over real mutual TLS: who may ask for what, and what becomes of a pushed record."""

import asyncio
import io
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web

from shield_proxy.config import contract
from shield_proxy.config.identity import OPERATOR_URI, PodIdentity
from shield_proxy.config.record import CHUNK_BYTES, CHUNKS, write_record
from shield_proxy.config.reports import Measurement, read_acknowledgement, read_latency_report
from shield_proxy.config.state import FleetState
from shield_proxy.config.version import SCHEMA
from shield_proxy.process.internal import InternalPort
from shield_proxy.process.state import StateHolder
from shield_proxy.wire.tls.hops import load_hop_tls

Issue = Callable[..., Path]
POD = PodIdentity("shop", "default", "lower").uri
MEASURED = Measurement("zone", "web", 0.012, 3, 1.0)


def record(generation: int, fleet: str = "default") -> bytes:
    return write_record(FleetState("shop", fleet, generation, 1), SCHEMA)


class Pod:
    """A running internal port, and requests to it under an identity."""

    def __init__(self, issue: Issue) -> None:
        self.issue = issue
        self.used: list[FleetState] = []
        self.holder = StateHolder("shop", "default", self.used.append, ready_at=0)
        self.draining = False
        self.port = 0

    async def ask(
        self, method: str, path: str, uri: str = OPERATOR_URI, body: bytes = b"", issue: Issue | None = None
    ) -> tuple[int, Any]:
        """Status, and the JSON object or bytes of the answer."""
        tls = load_hop_tls((issue or self.issue)(uri))
        async with (
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=tls.client)) as session,
            session.request(
                method, f"https://127.0.0.1:{self.port}{path}", data=io.BytesIO(body) if body else None
            ) as answer,
        ):
            if answer.content_type == "application/json":
                return answer.status, await answer.json()
            return answer.status, await answer.read()


@pytest_asyncio.fixture
async def pod(issue: Issue) -> AsyncIterator[Pod]:
    pod = Pod(issue)
    internal = InternalPort("shop", "default", pod.holder, lambda: True, lambda: pod.draining, lambda: [MEASURED])
    runner = web.AppRunner(internal.application(), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=load_hop_tls(issue(POD)).server).start()
    pod.port = runner.addresses[0][1]
    yield pod
    await runner.cleanup()


async def test_the_operators_push_is_used_and_acknowledged(pod: Pod) -> None:
    status, answer = await pod.ask("PUT", contract.STATE_PATH, body=record(5))
    assert status == 200
    acknowledged = read_acknowledgement(answer)
    assert (acknowledged.generation, acknowledged.confirmed, acknowledged.schema) == (5, True, SCHEMA)
    assert [state.generation for state in pod.used] == [5]
    assert await pod.ask("GET", contract.STATE_PATH) == (200, record(5))


async def test_an_equal_push_is_acknowledged_and_an_older_one_is_a_conflict(pod: Pod) -> None:
    await pod.ask("PUT", contract.STATE_PATH, body=record(5))
    assert (await pod.ask("PUT", contract.STATE_PATH, body=record(5)))[0] == 200
    status, answer = await pod.ask("PUT", contract.STATE_PATH, body=record(4))
    assert (status, answer["generation"]) == (409, 5)
    assert "generation 4" in answer["refused"]
    assert len(pod.used) == 1


@pytest.mark.parametrize("body", [b"junk", record(6)[:-3], record(6, fleet="other")])
async def test_what_cannot_be_read_is_unprocessable_and_the_state_stays(pod: Pod, body: bytes) -> None:
    await pod.ask("PUT", contract.STATE_PATH, body=record(5))
    status, answer = await pod.ask("PUT", contract.STATE_PATH, body=body)
    assert (status, answer["generation"]) == (422, 5)
    status, answer = await pod.ask("GET", contract.STATUS_PATH)
    assert (status, answer["generation"]) == (200, 5)
    assert answer["refused"]


async def test_status_and_latencies_are_told_to_the_operator(pod: Pod) -> None:
    pod.draining = True
    status, answer = await pod.ask("GET", contract.STATUS_PATH)
    assert (status, read_acknowledgement(answer).draining, answer["refused"]) == (200, True, None)
    status, answer = await pod.ask("GET", contract.LATENCY_PATH)
    assert (status, read_latency_report(answer)) == (200, (MEASURED,))


async def test_a_pod_of_the_fleet_may_get_the_state_and_nothing_else(pod: Pod) -> None:
    assert (await pod.ask("GET", contract.STATE_PATH, POD))[0] == 404
    await pod.ask("PUT", contract.STATE_PATH, body=record(5))
    assert await pod.ask("GET", contract.STATE_PATH, POD) == (200, record(5))
    assert (await pod.ask("PUT", contract.STATE_PATH, POD, body=record(6)))[0] == 403
    for path in (contract.STATUS_PATH, contract.LATENCY_PATH, "/", "/internal/other"):
        assert (await pod.ask("GET", path, POD))[0] == 403
    assert pod.used[-1].generation == 5


@pytest.mark.parametrize(
    "uri",
    [
        PodIdentity("shop", "other", "lower").uri,
        PodIdentity("elsewhere", "default", "lower").uri,
        "spiffe://example.com/operator",
    ],
)
async def test_others_of_the_same_authority_get_nothing(pod: Pod, uri: str) -> None:
    for method, path in (("GET", contract.STATE_PATH), ("PUT", contract.STATE_PATH), ("GET", contract.STATUS_PATH)):
        assert (await pod.ask(method, path, uri, body=record(5) if method == "PUT" else b""))[0] == 403
    assert pod.used == []


async def test_an_operator_of_another_authority_gets_no_answer(pod: Pod, new_authority: Callable[[], Issue]) -> None:
    with pytest.raises(aiohttp.ClientError):
        await pod.ask("GET", contract.STATUS_PATH, issue=new_authority())


async def test_plain_http_gets_no_answer(pod: Pod) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", pod.port)
    writer.write(b"GET /internal/status HTTP/1.1\r\nHost: a\r\n\r\n")
    assert b"HTTP/" not in await reader.read()
    writer.close()


async def test_a_body_larger_than_any_record_is_refused(pod: Pod) -> None:
    status, _ = await pod.ask("PUT", contract.STATE_PATH, body=b"x" * (CHUNKS * CHUNK_BYTES + 1))
    assert status == 413
    assert pod.used == []


async def test_a_proxied_request_is_no_matter_of_this_port(pod: Pod) -> None:
    assert (await pod.ask("GET", "/index.html"))[0] == 404
