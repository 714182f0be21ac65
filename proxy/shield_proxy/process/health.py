"""The health port: plain HTTP for the kubelet and Prometheus, nothing secret."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from aiohttp import web

from shield_proxy.process.metrics import render
from shield_proxy.tiers.telemetry.families import Family


@dataclass(frozen=True, slots=True)
class Situation:
    """What readiness depends on."""

    listening: bool
    generation: int | None
    """Of the state in use; None before the first."""
    trusted: bool
    """Confirmed, or nobody came to confirm it in time."""
    draining: bool


def why_not_ready(now: Situation) -> str | None:
    """Why no traffic should come here, or None when it may."""
    if now.draining:
        return "draining"
    if not now.listening:
        return "not listening yet"
    if now.generation is None:
        return "no zone state yet: nothing is mounted and nobody has pushed one"
    if not now.trusted:
        return f"generation {now.generation} is not confirmed yet by the operator or a ready peer"
    return None


def health_application(
    situation: Callable[[], Situation],
    why_not_alive: Callable[[], str | None],
    families: Callable[[], Iterable[Family]],
) -> web.Application:
    """/livez, /readyz and /metrics."""

    one_at_a_time = asyncio.Lock()

    async def livez(_request: web.Request) -> web.Response:
        reason = why_not_alive()
        return web.Response(text=f"{reason or 'ok'}\n", status=503 if reason else 200)

    async def readyz(_request: web.Request) -> web.Response:
        reason = why_not_ready(situation())
        return web.Response(text=f"{reason or 'ok'}\n", status=503 if reason else 200)

    async def metrics(_request: web.Request) -> web.Response:
        async with one_at_a_time:
            body = await render(families())
        return web.Response(body=body, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    app = web.Application()
    app.add_routes([web.get("/livez", livez), web.get("/readyz", readyz), web.get("/metrics", metrics)])
    return app
