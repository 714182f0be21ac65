"""One request to one endpoint: on a connection that is open, on a new one, or in line for one; repeated once where
that is safe and the budget allows it."""

import asyncio
import contextlib
from collections.abc import Callable

from shield_proxy.tiers.fetching.asks import Ask, Reply, own_fields
from shield_proxy.tiers.telemetry.counters import Counters
from shield_proxy.tiers.telemetry.tracing import Tracer
from shield_proxy.wire.http.message import Length
from shield_proxy.wire.http.serialise import field_lines, request_bytes
from shield_proxy.wire.upstream.connection import UpstreamConnection
from shield_proxy.wire.upstream.endpoint import Connecting, Endpoint
from shield_proxy.wire.upstream.failures import UpstreamFailed
from shield_proxy.wire.upstream.outflow import response_to, send_body
from shield_proxy.wire.upstream.pool import Pool

SURELY_OPEN = 2.0
"""Seconds after its last use in which a peer does not close a connection."""


class Sender:
    """Sends what the fetcher has decided."""

    __slots__ = ("_clock", "_counters", "pool", "tracer")

    def __init__(self, pool: Pool, clock: Callable[[], float], counters: Counters) -> None:
        self.pool = pool
        self._clock, self._counters = clock, counters
        self.tracer: Tracer | None = None

    async def exchange(
        self,
        ask: Ask,
        endpoint: Endpoint,
        lines: bytes,
        to: str,
        deadline: float,
        patience: float,
        connecting: Callable[[bool], Connecting],
    ) -> Reply:
        """The response to one request. UpstreamFailed; what the client's side raises.

        `deadline` is that of the response's head; `patience` the seconds for it after a body that was streamed.
        `connecting` is asked only where no open connection is idle; its argument says whether it must be new.
        """
        self._counters.add_kind("shield_fetches_total", to)
        trace = ask.inbound.trace
        if self.tracer is None or trace is None:
            return await self._ask(ask, endpoint, lines, to, deadline, patience, connecting)
        span, lines = self.tracer.leg(trace, lines)
        started = self._clock()
        told: dict[str, str | int] = {
            "http.request.method": ask.method.decode("latin-1"),
            "server.address": endpoint.host,
            "server.port": endpoint.port,
            "error.type": "cancelled",
        }
        try:
            reply = await self._ask(ask, endpoint, lines, to, deadline, patience, connecting)
            told["http.response.status_code"] = reply.head.status
            del told["error.type"]
        except UpstreamFailed as failure:
            told["error.type"] = failure.kind
            raise
        finally:
            self.tracer.asked(trace, span, to, self._clock() - started, told, failed="error.type" in told)
        return reply

    async def _ask(
        self,
        ask: Ask,
        endpoint: Endpoint,
        lines: bytes,
        to: str,
        deadline: float,
        patience: float,
        connecting: Callable[[bool], Connecting],
    ) -> Reply:
        started = self._clock()
        request = request_bytes(ask.method, ask.inbound.head.target, lines + field_lines(own_fields(ask)))
        if ask.lost:
            if not self._may_repeat(endpoint, "stale"):
                raise UpstreamFailed("closed")
            fresh = await self.pool.connect(endpoint, connecting(True))
            return await self._send(fresh, ask, request, deadline, patience, to, started)
        # A peer that is just closing an idle connection would make a request fail that can't be repeated.
        since = float("-inf") if ask.repeatable else started - SURELY_OPEN
        connection = None if ask.upgrade else self.pool.take_idle(endpoint, since)
        if connection is None:
            connection = await self.pool.connect(endpoint, connecting(bool(ask.upgrade)))
        used = connection.used
        try:
            return await self._send(connection, ask, request, deadline, patience, to, started)
        except UpstreamFailed as failure:
            if failure.kind != "closed" or not used or not ask.repeatable or not self._may_repeat(endpoint, "stale"):
                raise
        connection = await self.pool.connect(endpoint, connecting(True))
        return await self._send(connection, ask, request, deadline, patience, to, started)

    def may_ask_another(self, endpoint: Endpoint) -> bool:
        """Whether a request that a pod may have seen may be sent to another one, within the pod's budget."""
        return self._may_repeat(endpoint, "next-pod")

    def _may_repeat(self, endpoint: Endpoint, why: str) -> bool:
        granted = self.pool.may_repeat(endpoint)
        self._counters.add_kind("shield_retries_total", why if granted else "denied")
        return granted

    async def _send(
        self,
        connection: UpstreamConnection,
        ask: Ask,
        request: bytes,
        deadline: float,
        patience: float,
        to: str,
        started: float,
    ) -> Reply:
        if ask.body is None:
            head, body = await response_to(
                connection, request, ask.method, deadline, ask.interim, upgrade=bool(ask.upgrade)
            )
            return Reply(head, body, to, self._clock() - started, connection)
        chunked = not isinstance(ask.inbound.head.framing, Length)
        sending = asyncio.get_running_loop().create_task(
            send_body(connection, ask.body, chunked=chunked, patience=patience)
        )
        try:
            head, body = await response_to(connection, request, ask.method, deadline, ask.interim, whole=False)
        except BaseException:
            sending.cancel()
            try:
                with contextlib.suppress(asyncio.CancelledError):
                    await sending  # raises what the client's side broke with, if that came first
            finally:
                del sending  # it keeps what it raises, which leads to this frame
            raise
        sending.add_done_callback(_observed)
        return Reply(head, body, to, self._clock() - started, connection, sending)


def _observed(sending: asyncio.Task[None]) -> None:
    """A body that broke after the response began has cut the connection: the response tells."""
    if not sending.cancelled():
        sending.exception()
