"""One request and its response on a probe's line, strictly read and bounded."""

from shield_proxy.config.checks.reasons import Reason
from shield_proxy.health.journey import Journey
from shield_proxy.health.judging import MOST_BODY, MOST_HEAD, head_end
from shield_proxy.health.line import Line
from shield_proxy.health.reasons import ProbeFailed, Stage
from shield_proxy.wire.http.body import decoder_for
from shield_proxy.wire.http.message import Refused, ResponseHead
from shield_proxy.wire.http.parse import HeadLimits, parse_response

LIMITS = HeadLimits(head=MOST_HEAD)


async def ask(line: Line, request: bytes, method: bytes, journey: Journey) -> tuple[ResponseHead, bytes]:
    """The head of the final response, and what was received after it. OSError; Refused where it is no HTTP/1.x."""
    with journey.at(Stage.FIRST_BYTE):
        received = bytearray(await _begin(line, request))
    with journey.at(Stage.REST):
        searched = passed = 0
        while True:
            if not received and not passed:
                raise ProbeFailed(Reason.HTTP_INVALID, "the connection ended without a response")
            end = head_end(received, searched, MOST_HEAD - passed)
            if end:
                head = parse_response(bytes(received[:end]), method, LIMITS)
                del received[:end]
                if head.status == 101:
                    raise Refused(502, "101-unasked")
                if head.status >= 200:
                    return head, bytes(received)
                passed, searched = passed + end, 0
                if received:
                    continue
            else:
                searched = len(received)
            piece = await line.receive()
            if not piece:
                raise ProbeFailed(Reason.HTTP_INVALID, "the connection ended within the response's head")
            received += piece


async def _begin(line: Line, request: bytes) -> bytes:
    """The first bytes of the response. Of a peer that broke the connection off, what it said before tells more than
    that it did: a response that needed no request, or an alert about a missing certificate."""
    try:
        await line.send(request)
    except (ConnectionResetError, BrokenPipeError) as broken:
        received = await line.receive()
        if not received:
            raise broken from None
        return received
    return await line.receive()


async def read_body(line: Line, head: ResponseHead, beginning: bytes, journey: Journey) -> bytes:
    """The first 10 KB of a body, or all of a shorter one, without its framing. OSError; Refused where the framing is
    broken; ProbeFailed where the connection ends within."""
    decoder = decoder_for(head.framing)
    body = bytearray()
    with journey.at(Stage.REST):
        piece = beginning
        while True:
            if piece:
                pieces, _ = decoder.feed(piece)
                for each in pieces:
                    body += each[: MOST_BODY - len(body)]
            if decoder.done or len(body) == MOST_BODY:
                return bytes(body)
            piece = await line.receive()
            if not piece:
                if decoder.by_close:
                    return bytes(body)
                raise ProbeFailed(Reason.HTTP_INVALID, f"the connection ended within the body, after {len(body)} bytes")
