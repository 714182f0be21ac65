"""The health port, and how a pod becomes ready: by a confirmation, or by waiting for one long enough."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest_asyncio
from aiohttp import web

from shield_proxy.config.record import write_record
from shield_proxy.config.state import FleetState
from shield_proxy.config.version import SCHEMA
from shield_proxy.process.health import Situation, health_application
from shield_proxy.process.metrics import process_families
from shield_proxy.process.state import StateHolder


class Pod:
    """A health port over a holder whose clock the test moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.listening = True
        self.complaint: str | None = None
        self.draining = False
        self.holder = StateHolder("shop", "default", lambda _state: None, ready_at=20)
        self.port = 0

    def situation(self) -> Situation:
        held = self.holder.envelope
        return Situation(
            self.listening, held.generation if held else None, self.holder.trusted(self.now), self.draining
        )

    def offer(self, generation: int, confirms: bool = False) -> None:
        record = write_record(FleetState("shop", "default", generation, 1), SCHEMA)
        self.holder.offer(record, "test", confirms)

    async def get(self, path: str) -> tuple[int, str]:
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://127.0.0.1:{self.port}{path}") as answer,
        ):
            return answer.status, (await answer.text()).strip()


@pytest_asyncio.fixture
async def pod() -> AsyncIterator[Pod]:
    pod = Pod()
    app = health_application(
        pod.situation, lambda: pod.complaint, lambda: process_families("lower", 3, True, pod.draining, 0.0)
    )
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    pod.port = runner.addresses[0][1]
    yield pod
    await runner.cleanup()


async def test_the_way_to_ready_by_a_push(pod: Pod) -> None:
    pod.listening = False
    assert await pod.get("/readyz") == (503, "not listening yet")
    pod.listening = True
    status, reason = await pod.get("/readyz")
    assert (status, "no zone state yet" in reason) == (503, True)
    pod.offer(3)
    status, reason = await pod.get("/readyz")
    assert (status, "generation 3 is not confirmed" in reason) == (503, True)
    pod.offer(3, confirms=True)
    assert await pod.get("/readyz") == (200, "ok")
    pod.draining = True
    assert await pod.get("/readyz") == (503, "draining")


async def test_a_pod_whom_nobody_confirms_is_ready_after_twenty_seconds(pod: Pod) -> None:
    pod.offer(3)
    pod.now = 19.9
    assert (await pod.get("/readyz"))[0] == 503
    pod.now = 20.0
    assert await pod.get("/readyz") == (200, "ok")


async def test_a_draining_pod_lives(pod: Pod) -> None:
    pod.draining = True
    assert await pod.get("/livez") == (200, "ok")
    pod.complaint = "deadlines have not been looked at for 40 s"
    assert await pod.get("/livez") == (503, "deadlines have not been looked at for 40 s")


async def test_metrics_are_prometheus_text(pod: Pod) -> None:
    status, text = await pod.get("/metrics")
    assert status == 200
    assert "# TYPE shield_state_generation gauge\nshield_state_generation 3" in text
    assert "shield_process_open_fds" in text


async def test_nothing_else_is_answered(pod: Pod) -> None:
    statuses = await asyncio.gather(*(pod.get(path) for path in ("/", "/internal/state", "/debug")))
    assert {status for status, _ in statuses} == {404}
