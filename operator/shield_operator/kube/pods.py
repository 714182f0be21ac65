"""The internal port of proxy pods: by pod IP, over mutual TLS, and only with a peer that is a pod of the fleet."""

import asyncio
import json
import os
import ssl
from collections.abc import Callable
from http import HTTPStatus

import aiohttp

from shield_operator.core.world import FleetKey, Pod, Report
from shield_operator.kube.api import fence
from shield_operator.kube.certificates import Leaf
from shield_proxy.config.contract import INTERNAL_PORT, LATENCY_PATH, STATE_PATH, STATUS_PATH
from shield_proxy.config.identity import PodIdentity, parse_identity
from shield_proxy.config.reading import InvalidField
from shield_proxy.config.record import CHUNK_BYTES, CHUNKS
from shield_proxy.config.reports import Acknowledgement, read_acknowledgement, read_latency_report

TIMEOUT = aiohttp.ClientTimeout(total=2)
PUSH_TIMEOUT = aiohttp.ClientTimeout(total=4)
TAKEN = frozenset({HTTPStatus.OK})
ACKNOWLEDGED = frozenset({HTTPStatus.OK, HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY})
MOST_ANSWER = CHUNKS * CHUNK_BYTES
"""Bytes of a record that are read..."""
MOST_REPORT = 1 << 20
"""...and of any other answer: who can mount a fleet's certificate can answer as its pod."""
NOT_SOUND = (ValueError, InvalidField, RecursionError)
"""What comes of an answer that is no JSON, not the JSON that is meant, or nested without end."""


class NoAnswer(Exception):
    """A pod did not answer in time, or not as a pod of this version's contract does."""


def pod_context(leaf: Leaf, key: FleetKey) -> ssl.SSLContext:
    """A client context that ends the handshake with any peer but a pod of the fleet, before a byte is sent."""

    class PodsOfTheFleet(ssl.SSLObject):
        def do_handshake(self) -> None:
            super().do_handshake()
            certificate = self.getpeercert() or {}
            uris = [name[1] for name in certificate.get("subjectAltName", ()) if name[0] == "URI"]
            identity = parse_identity(str(uris[0])) if len(uris) == 1 else None
            if not isinstance(identity, PodIdentity) or (identity.namespace, identity.fleet) != (
                key.namespace,
                key.name,
            ):
                raise ssl.SSLCertVerificationError(f"the peer is {uris}, not a pod of {key.namespace}/{key.name}")

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_COMPRESSION
    context.load_verify_locations(cadata=leaf.bundle.decode("ascii"))
    _load_chain(context, leaf)
    context.sslobject_class = PodsOfTheFleet
    return context


def _load_chain(context: ssl.SSLContext, leaf: Leaf) -> None:
    """Certificate and key are taken from a file alone; this one is memory, and no other process sees it."""
    descriptor = os.memfd_create("leaf", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, leaf.certificate + leaf.key)
        context.load_cert_chain(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)


class PodClient:
    """Asks and tells pods; connections are kept between two laps. Pushes pass the lease's gate like API writes."""

    def __init__(self, check: Callable[[], None], port: int | None = None, parallel: int = 64) -> None:
        connector, jar = aiohttp.TCPConnector(limit=0, keepalive_timeout=20), aiohttp.DummyCookieJar()
        self._session = aiohttp.ClientSession(connector=connector, trace_configs=[fence(check)], cookie_jar=jar)
        self._port = INTERNAL_PORT if port is None else port
        self._slots = asyncio.Semaphore(parallel)

    async def close(self) -> None:
        """Closes every connection."""
        await self._session.close()

    async def report(self, pod: Pod, context: ssl.SSLContext) -> Report:
        """What the pod holds and measured; NoAnswer."""
        status = await self._ask("GET", pod, STATUS_PATH, context)
        latency = await self._ask("GET", pod, LATENCY_PATH, context)
        try:
            return Report(read_acknowledgement(json.loads(status)), read_latency_report(json.loads(latency)))
        except NOT_SOUND as error:
            raise NoAnswer(f"{pod.name}: not a report: {error}") from None

    async def push(self, pod: Pod, context: ssl.SSLContext, content: bytes) -> Acknowledgement:
        """What the pod holds after it was offered the record: this one, or a later or readable one; NoAnswer."""
        answer = await self._ask("PUT", pod, STATE_PATH, context, content)
        try:
            return read_acknowledgement(json.loads(answer))
        except NOT_SOUND as error:
            raise NoAnswer(f"{pod.name}: not an acknowledgement: {error}") from None

    async def state(self, pod: Pod, context: ssl.SSLContext) -> bytes:
        """The record that the pod holds; NoAnswer, also where it holds none."""
        return await self._ask("GET", pod, STATE_PATH, context, most=MOST_ANSWER)

    async def _ask(
        self,
        method: str,
        pod: Pod,
        path: str,
        context: ssl.SSLContext,
        content: bytes | None = None,
        most: int = MOST_REPORT,
    ) -> bytes:
        host = f"[{pod.address}]" if ":" in pod.address else pod.address
        timeout = TIMEOUT if content is None else PUSH_TIMEOUT
        try:
            async with (
                self._slots,
                self._session.request(
                    method,
                    f"https://{host}:{self._port}{path}",
                    data=content,
                    ssl=context,
                    timeout=timeout,
                    allow_redirects=False,
                ) as response,
            ):
                answer = await response.content.read(most + 1)
                while not response.content.at_eof() and len(answer) <= most:
                    answer += await response.content.read(most + 1)
                if response.status not in (TAKEN if content is None else ACKNOWLEDGED):
                    text = answer[:200].decode("utf-8", "replace")
                    raise NoAnswer(f"{pod.name}: {method} {path}: {response.status} {text}")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            reason = getattr(error, "certificate_error", None) or getattr(error, "os_error", error)
            raise NoAnswer(f"{pod.name}: {method} {path}: {type(error).__name__} {reason}".rstrip()) from None
        if len(answer) > most:
            raise NoAnswer(f"{pod.name}: {method} {path}: answers more than {most} bytes")
        return answer
