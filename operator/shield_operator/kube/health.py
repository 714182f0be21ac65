"""The operator's health port, for the kubelet and Prometheus. Nothing secret, nothing that changes anything."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web

from shield_operator.kube.progress import Progress


@dataclass(frozen=True, slots=True)
class Health:
    """What the port answers from."""

    progress: Progress
    ready: Callable[[], str | None]
    """Why the operator is not ready; None: it is, as leader or as standby."""
    metrics: Callable[[], str]

    def application(self) -> web.Application:
        """/livez, /readyz and /metrics."""
        app = web.Application()
        app.add_routes(
            [
                web.get("/livez", self._livez),
                web.get("/readyz", self._readyz),
                web.get("/metrics", self._metrics),
            ]
        )
        return app

    async def _livez(self, _request: web.Request) -> web.Response:
        stuck = self.progress.stuck()
        if stuck:
            return web.Response(status=503, text=f"no progress: {', '.join(stuck)}\n")
        return web.Response(text="ok\n")

    async def _readyz(self, _request: web.Request) -> web.Response:
        reason = self.ready()
        return web.Response(text="ok\n") if reason is None else web.Response(status=503, text=f"{reason}\n")

    async def _metrics(self, _request: web.Request) -> web.Response:
        return web.Response(text=self.metrics(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})


@asynccontextmanager
async def serve(health: Health, port: int, host: str | None = None) -> AsyncIterator[int]:
    """Serves on the host, or on all addresses; gives the port, which is a free one for 0. OSError if it is taken."""
    runner = web.AppRunner(health.application(), access_log=None, handle_signals=False)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()
