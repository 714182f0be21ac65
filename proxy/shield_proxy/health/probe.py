"""One probe of a check: attempts, stages, and what their ends mean."""

import asyncio
import os
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from shield_proxy.config.checks.check import Check, CheckType
from shield_proxy.config.checks.hostnames import covers, read_address
from shield_proxy.config.checks.reasons import Reason
from shield_proxy.config.internal import Internal
from shield_proxy.health.exchange import ask, read_body
from shield_proxy.health.journey import Journey
from shield_proxy.health.judging import judge_body, judge_code
from shield_proxy.health.line import Line
from shield_proxy.health.reasons import ProbeFailed, Stage, of_certificate, of_errno, of_tls
from shield_proxy.health.sample import LONGEST_DETAIL, Sample
from shield_proxy.health.targets import MOST_REDIRECTS, Target, first_target, redirect_of, redirected, request_of
from shield_proxy.health.trust import Trust
from shield_proxy.wire.http.message import Refused, ResponseHead
from shield_proxy.wire.upstream.dial import dial, interleaved
from shield_proxy.wire.upstream.failures import NotAnswered, UpstreamFailed

if TYPE_CHECKING:
    from shield_proxy.wire.upstream.names import Names

LEAST_RETRY = 1.0
"""Seconds that a further attempt is worth; also less where the check's own timeout is less."""
END_BEFORE = 0.1
"""Seconds before the next probe's beginning."""


class Prober:
    """Probes of one process: its resolver, the authorities it trusts, and where it must not go. It keeps nothing of
    a check; several probes may run at once."""

    def __init__(
        self,
        internal: Internal,
        names: "Names | None" = None,
        trust: Trust | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._internal = internal
        self._names = names
        self._trust = trust or Trust()
        self._clock = clock
        self._wall = wall

    async def close(self) -> None:
        """Gives up lookups that run."""
        if self._names is not None:
            await self._names.close()

    def prepare(self) -> "Names":
        """The resolver, which is loaded at the first call: that takes as long as all that a run does until it has its
        Lease, and in the midst of a probe it would be measured as the origin's."""
        if self._names is None:
            from shield_proxy.wire.upstream.names import Names

            self._names = Names()
        return self._names

    async def look_up(self, host: str) -> Sequence[str]:
        """What the resolver of probes says of a name. NotAnswered."""
        return (await self.prepare().look_up(host)).addresses

    async def probe(self, check: Check, within: float | None = None) -> Sample:
        """The outcome; network and origin make it raise nothing. An attempt that timed out is repeated at once, as
        often as the check says. Each attempt takes `check.timeout` seconds at most, the last one less where otherwise
        all together would take more than `within`."""
        self.prepare()
        at, began = self._wall(), self._clock()
        attempts, seconds = 0, float(check.timeout)
        while True:
            attempts += 1
            sample, again = await self._attempt(check, at, attempts, seconds)
            if within is not None:
                seconds = min(seconds, within - END_BEFORE - (self._clock() - began))
            if not again or attempts > check.retries or seconds < min(LEAST_RETRY, check.timeout):
                return sample

    async def _attempt(self, check: Check, at: float, attempts: int, seconds: float) -> tuple[Sample, bool]:
        """Its sample, and whether it timed out."""
        journey = Journey(self._clock)
        try:
            async with asyncio.timeout(seconds):
                await self._travel(check, journey)
        except ProbeFailed as failed:
            failure = failed
        except TimeoutError:
            failure = journey.late(seconds)
        else:
            return Sample(at, None, "", journey.code, journey.address, journey.waterfall(), attempts), False
        detail = failure.detail[:LONGEST_DETAIL]
        sample = Sample(at, failure.reason, detail, journey.code, journey.address, journey.waterfall(), attempts)
        return sample, failure.timed_out

    async def _travel(self, check: Check, journey: Journey) -> None:
        """Ends where all was as expected. ProbeFailed; TimeoutError from outside alone."""
        if check.type is CheckType.TCP:
            (await self._connect(check.address, check.port, check.timeout, journey)).close()
            return
        target = first_target(check)
        for _ in range(1 + MOST_REDIRECTS):
            following = await self._visit(check, target, journey)
            if following is None:
                return
            target = following
        wanted = ", ".join(check.http.expected_codes)
        raise ProbeFailed(
            Reason.CODE_MISMATCH, f"expected {wanted}; received {journey.code} after {MOST_REDIRECTS} redirects"
        )

    async def _visit(self, check: Check, target: Target, journey: Journey) -> Target | None:
        """Where a redirect that is to be followed leads; None where the response was as expected."""
        line = await self._connect(target.host, target.port, check.timeout, journey)
        try:
            with _explained(journey, unnamed=target.server_name is None):
                if target.secure:
                    with journey.at(Stage.TLS):
                        await self._encrypt(line, target, insecure=check.http.allow_insecure)
                return await _converse(line, check, target, journey)
        finally:
            journey.unacknowledged = line.unacknowledged()
            line.close()

    async def _connect(self, host: str, port: int, seconds: float, journey: Journey) -> Line:
        """A line to an address that was judged: names are not asked for again between judging and connecting."""
        addresses = await self._addresses(host, journey)
        journey.address = addresses[0]
        with journey.at(Stage.TCP):
            try:
                sock, journey.address = await dial(addresses, port, seconds)
            except UpstreamFailed as failed:
                error = failed.__cause__
                code = error.errno if isinstance(error, OSError) else None
                raise _of_error(code, Stage.TCP) from failed
        return Line(sock)

    async def _addresses(self, host: str, journey: Journey) -> Sequence[str]:
        literal = read_address(host)
        if literal is not None:
            self._judge(host, str(literal))
            return (str(literal),)
        with journey.at(Stage.DNS):
            try:
                found = (await self.prepare().look_up(host)).addresses
            except NotAnswered as failed:
                detail = f"{host}: the resolver does not know: {failed}"
                raise ProbeFailed(Reason.DNS_UNKNOWN_HOST, detail, timed_out=failed.timed_out) from failed
        if not found:
            raise ProbeFailed(Reason.DNS_UNKNOWN_HOST, f"{host} has no address")
        for address in found:
            self._judge(host, address)
        return interleaved(found, None)

    def _judge(self, host: str, address: str) -> None:
        """ProbeFailed for an address of the cluster's own; one among others spoils them all."""
        parsed = read_address(address)
        kind = self._internal.forbids(parsed) if parsed is not None else "no plain address"
        if kind is not None:
            what = address if host == address else f"{host} is {address}, which"
            raise ProbeFailed(Reason.DNS_INTERNAL, f"{what} is internal or restricted: {kind}")

    async def _encrypt(self, line: Line, target: Target, *, insecure: bool) -> None:
        expected = target.expected_name
        if insecure:
            await line.encrypt(self._trust.insecure, target.server_name)
        elif target.server_name is not None or read_address(expected) is not None:
            await line.encrypt(self._trust.named, target.server_name or expected)
        else:
            tls = await line.encrypt(self._trust.unnamed, None)
            if not covers(_subjects(tls), expected):
                raise ProbeFailed(Reason.TLS_NAME, f"the certificate is not of {expected}")


def _subjects(tls: ssl.SSLObject) -> list[tuple[str, str]]:
    names = (tls.getpeercert() or {}).get("subjectAltName", ())
    return [(str(name[0]), str(name[1])) for name in names]


async def _converse(line: Line, check: Check, target: Target, journey: Journey) -> Target | None:
    head, beginning = await ask(line, request_of(check, target), check.http.method.encode(), journey)
    journey.code = head.status
    location = redirect_of(head.status, head.index) if check.http.follow_redirects else None
    if location is not None:
        return redirected(target, location)
    await _judge_response(line, head, beginning, check, journey)
    return None


async def _judge_response(line: Line, head: ResponseHead, beginning: bytes, check: Check, journey: Journey) -> None:
    judge_code(head, check.http)
    judge_body(head, await read_body(line, head, beginning, journey), check.http)


@contextmanager
def _explained(journey: Journey, *, unnamed: bool) -> Iterator[None]:
    """Errors of the network, of TLS and of the response as ProbeFailed."""
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        raise ProbeFailed(of_certificate(error.verify_code), error.verify_message) from error
    except ssl.SSLError as error:
        why = error.reason or error.strerror or "broken off"
        hint = " (no Host field is set, so no server name was sent)" if unnamed else ""
        raise ProbeFailed(of_tls(why), why.replace("_", " ").lower() + hint) from error
    except OSError as error:
        raise _of_error(error.errno, journey.stage) from error
    except Refused as refused:
        raise ProbeFailed(Reason.HTTP_INVALID, f"the response is malformed: {refused.reason}") from refused


def _of_error(code: int | None, stage: Stage) -> ProbeFailed:
    reason = of_errno(code, stage)
    detail = os.strerror(code).lower() if code is not None else "the connection failed"
    return ProbeFailed(reason, detail, timed_out=reason is Reason.TCP_TIMEOUT)
