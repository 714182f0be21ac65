"""POST requests: one connection each, verified, bounded in time and size, never redirected."""

import asyncio
import socket
import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from shield_courier.core.answers import asked_pause
from shield_courier.core.outcomes import Failed
from shield_courier.core.posts import Post
from shield_courier.sending.names import CONNECT_SECONDS, Forbidden, Resolve, Unresolved, network_problem, socket_to
from shield_courier.sending.trust import tls_problem
from shield_proxy.config.internal import Internal
from shield_proxy.config.version import VERSION

MOST_ANSWER = 4096
"""Bytes that are read of an answer's body; what is beyond is not waited for."""
AGENT = f"shield-courier/{VERSION}"


@dataclass(frozen=True, slots=True)
class Answer:
    """Of a server."""

    status: int
    retry_after: float = 0.0
    """Seconds; 0: it does not say."""
    body: bytes = field(default=b"", repr=False)


async def post(
    request: Post, trust: ssl.SSLContext, resolve: Resolve, internal: Internal, seconds: float
) -> Answer | Failed:
    """What was answered within so many seconds, or why nothing was. Not a word of the request, whose URL may be a
    secret, is in that."""
    fields = {"Content-Type": "application/json", "Accept": "*/*", "User-Agent": AGENT, **dict(request.fields)}
    connector = aiohttp.TCPConnector(
        ssl=trust,
        resolver=_Resolver(resolve),
        use_dns_cache=False,
        force_close=True,
        limit=1,
        # Not where names are resolved: of addresses in URLs, and of what it takes for them, the library asks nobody.
        socket_factory=lambda where: socket_to(socket.AddressFamily(where[0]), str(where[4][0]), internal),
    )
    try:
        async with (
            asyncio.timeout(seconds),
            aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                skip_auto_headers=("Accept-Encoding",),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=2 * CONNECT_SECONDS),
            ) as session,
            # As it is: signatures in query parts must not be written in another way.
            session.post(
                URL(request.url, encoded=True), data=request.body, headers=fields, allow_redirects=False
            ) as response,
        ):
            told = response.headers
            pause = asked_pause(told.get("Retry-After", ""), told.get("Date", ""), datetime.now(UTC))
            return Answer(response.status, pause, await _some(response))
    except TimeoutError:
        return Failed("no answer in time")
    except aiohttp.ClientError as error:
        return Failed(_problem(error), isinstance(getattr(error, "os_error", None), Forbidden))
    except (OSError, ValueError) as error:
        return Failed(network_problem(error) if isinstance(error, OSError) else "the request can't be sent")


async def _some(response: aiohttp.ClientResponse) -> bytes:
    """The beginning of the body; what is lost of it changes nothing."""
    body = bytearray()
    try:
        async with asyncio.timeout(2.0):
            while len(body) < MOST_ANSWER and (piece := await response.content.read(MOST_ANSWER - len(body))):
                body += piece
    except (aiohttp.ClientError, TimeoutError, OSError):
        pass
    response.close()
    return bytes(body)


def _problem(error: aiohttp.ClientError) -> str:
    """Why there is no answer, in words of our own: those of the library quote URLs and addresses."""
    match error:
        case aiohttp.ClientConnectorCertificateError(certificate_error=ssl.SSLError() as cause):
            return tls_problem(cause)
        case aiohttp.ClientConnectorDNSError():
            return "the host's name does not resolve"
        case aiohttp.ClientConnectorError(os_error=ssl.SSLError() as cause):
            return tls_problem(cause)
        case aiohttp.ClientConnectorError(os_error=OSError() as cause):
            return network_problem(cause)
        case aiohttp.ServerDisconnectedError():
            return "the connection ended without an answer"
        case aiohttp.ClientResponseError():
            return "the answer is malformed"
        case aiohttp.InvalidURL():
            return "the URL can't be used"
        case OSError() if isinstance(error.__cause__, ssl.SSLError):
            return tls_problem(error.__cause__)
        case OSError():
            return network_problem(error)
        case _:
            return "the connection failed"


class _Resolver(AbstractResolver):
    """Ours, as aiohttp asks for it."""

    def __init__(self, resolve: Resolve) -> None:
        self._resolve = resolve

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """OSError where there is none."""
        return [
            ResolveResult(
                hostname=host,
                host=each.address,
                port=each.port,
                family=each.family,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for each in await self._resolve(host, port)
            if family in (socket.AF_UNSPEC, each.family)
        ] or _none()

    async def close(self) -> None:
        """Whoever gave the resolver closes it."""


def _none() -> list[ResolveResult]:
    raise Unresolved("the host's name has no address")
