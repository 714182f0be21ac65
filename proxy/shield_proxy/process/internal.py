"""The internal port: state, status and latencies, for the operator; the state also for pods of the same fleet."""

import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from http import HTTPStatus

from aiohttp import web

from shield_proxy.config import contract
from shield_proxy.config.identity import Identity, OperatorIdentity, PodIdentity
from shield_proxy.config.record import CHUNK_BYTES, CHUNKS
from shield_proxy.config.reports import Measurement, Problem, latency_report
from shield_proxy.process.state import Accept, Different, Older, Same, StateHolder, Unreadable, Verdict
from shield_proxy.wire.tls.hops import peer_identity

log = logging.getLogger("shield.internal")

STATUSES: dict[type[Verdict], HTTPStatus] = {
    Accept: HTTPStatus.OK,
    Same: HTTPStatus.OK,
    Different: HTTPStatus.CONFLICT,
    Older: HTTPStatus.CONFLICT,
    Unreadable: HTTPStatus.UNPROCESSABLE_ENTITY,
}


@dataclass(frozen=True, slots=True)
class InternalPort:
    """What the port answers from."""

    namespace: str
    fleet: str
    holder: StateHolder
    ready: Callable[[], bool]
    draining: Callable[[], bool]
    measurements: Callable[[], Iterable[Measurement]]
    problems: Callable[[], Iterable[Problem]] = tuple
    """What zones name and this pod can't use at the moment: certificates."""

    def application(self) -> web.Application:
        """The routes of config/contract.py behind the check of who asks."""
        app = web.Application(middlewares=[self._only_known], client_max_size=CHUNKS * CHUNK_BYTES)
        app.add_routes(
            [
                web.get(contract.STATE_PATH, self._get_state),
                web.put(contract.STATE_PATH, self._put_state),
                web.get(contract.STATUS_PATH, self._get_status),
                web.get(contract.LATENCY_PATH, self._get_latency),
            ]
        )
        return app

    @web.middleware
    async def _only_known(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        connection = request.transport.get_extra_info("ssl_object") if request.transport else None
        identity = peer_identity(connection)
        if not may(identity, request.method, request.path, (self.namespace, self.fleet)):
            who = identity.uri if identity else "a certificate without a known URI"
            log.warning("refused %s %s of %s", request.method, request.path, who)
            raise web.HTTPForbidden(text=f"{who} may not {request.method} {request.path}\n")
        return await handler(request)

    async def _get_state(self, _request: web.Request) -> web.Response:
        if self.holder.record is None:
            raise web.HTTPNotFound(text="no state yet\n")
        return web.Response(
            body=self.holder.record,
            content_type="application/octet-stream",
            headers={contract.HEADER_READY: "1" if self.ready() else "0"},
        )

    async def _put_state(self, request: web.Request) -> web.Response:
        verdict = self.holder.offer(await request.read(), "the operator", confirms=True)
        reason = verdict.reason if isinstance(verdict, Different | Older | Unreadable) else None
        return self._acknowledge(STATUSES[type(verdict)], reason)

    async def _get_status(self, _request: web.Request) -> web.Response:
        return self._acknowledge(HTTPStatus.OK, self.holder.refused)

    def _acknowledge(self, status: HTTPStatus, reason: str | None) -> web.Response:
        """The Acknowledgement, and beside it why a record was refused."""
        held = self.holder.acknowledgement(self.draining())
        acknowledged = replace(held, problems=tuple(sorted(set(self.problems()))))
        return web.json_response({**acknowledged.to_json(), "refused": reason}, status=status)

    async def _get_latency(self, _request: web.Request) -> web.Response:
        return web.json_response(latency_report(tuple(self.measurements())))


def may(identity: Identity | None, method: str, path: str, fleet: tuple[str, str]) -> bool:
    """Whether that identity may ask for it at a pod of (namespace, fleet)."""
    match identity:
        case OperatorIdentity():
            return True
        case PodIdentity(namespace, name, _) if (namespace, name) == fleet:
            return method in ("GET", "HEAD") and path == contract.STATE_PATH
        case _:
            return False
