"""The health port proves progress, and the numbers are Prometheus text."""

import re

import aiohttp
import pytest

from shield_operator.kube.counters import Counters, render
from shield_operator.kube.health import Health, serve
from shield_operator.kube.progress import BOUNDS, Progress


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize("loop", BOUNDS)
def test_a_loop_without_a_lap_for_its_bound_is_stuck(loop: str) -> None:
    clock = Clock()
    progress = Progress(clock)
    progress.mark(loop)
    clock.now = BOUNDS[loop]
    assert progress.stuck() == ()
    clock.now += 0.1
    assert progress.stuck() == (loop,)
    progress.mark(loop)
    assert progress.stuck() == ()


def test_loops_that_never_began_or_have_ended_are_not_missed() -> None:
    clock = Clock()
    progress = Progress(clock)
    progress.mark("reconcile")
    progress.end("reconcile")
    clock.now = 1e6
    assert progress.stuck() == ()


async def get(session: aiohttp.ClientSession, port: int, path: str) -> tuple[int, str]:
    async with session.get(f"http://127.0.0.1:{port}{path}") as answer:
        return answer.status, await answer.text()


async def test_the_port_says_what_is_stuck_and_why_it_is_not_ready() -> None:
    clock = Clock()
    progress, reason = Progress(clock), ["the cluster has not been listed yet"]
    health = Health(progress, lambda: reason[0] if reason else None, lambda: "shield_operator_leader 1\n")
    async with serve(health, 0, "127.0.0.1") as port, aiohttp.ClientSession() as session:
        assert await get(session, port, "/readyz") == (503, "the cluster has not been listed yet\n")
        reason.clear()
        assert await get(session, port, "/readyz") == (200, "ok\n")
        assert await get(session, port, "/livez") == (200, "ok\n")
        progress.mark("lease")
        clock.now = BOUNDS["lease"] + 1
        assert await get(session, port, "/livez") == (503, "no progress: lease\n")
        assert await get(session, port, "/metrics") == (200, "shield_operator_leader 1\n")


def test_numbers_are_rendered_as_prometheus_reads_them() -> None:
    counters = Counters()
    counters.reconciled("ok", 0.02, 3, at=1_800_000_000.0)
    counters.reconciled("error", 5.0, 0, at=1_800_000_009.0)
    text = render(counters, leader=True, transitions=4, queued=2, fleets=1)
    for line in text.splitlines():
        assert re.fullmatch(r"# (HELP|TYPE) shield_operator_\w+ .+|shield_operator_\w+(\{[^}]*\})? [0-9.e+]+", line)
    assert 'shield_operator_reconciles_total{outcome="ok"} 1\n' in text
    assert 'shield_operator_reconcile_seconds_bucket{le="0.03"} 1\n' in text
    assert 'shield_operator_reconcile_seconds_bucket{le="+Inf"} 2\n' in text
    assert "shield_operator_last_success_timestamp_seconds 1800000000.000\n" in text
