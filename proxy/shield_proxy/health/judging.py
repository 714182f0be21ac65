"""A response against what a check expects, as far as it was received. Pure."""

from shield_proxy.config.checks.check import HttpConfig
from shield_proxy.config.checks.reasons import Reason
from shield_proxy.health.reasons import ProbeFailed
from shield_proxy.wire.http.message import Refused, ResponseHead

MOST_BODY = 10 << 10
"""Bytes of a body that are looked at."""
MOST_HEAD = 32 << 10
"""Bytes of a head, and of all informational heads before it together."""
_BEGINNING = b"HTTP/1."


def head_end(received: bytes | bytearray, searched: int, most: int = MOST_HEAD) -> int:
    """How many bytes the head has that the received ones begin with; 0 while its end is not there. `searched` bytes
    were looked at before. Refused as soon as they can't become a head of at most `most` bytes."""
    if not received.startswith(_BEGINNING[: len(received)]):
        raise Refused(502, "not-http")
    end = received.find(b"\r\n\r\n", max(0, searched - 3))
    for position in _line_feeds(received, max(1, searched), end + 4 if end >= 0 else len(received)):
        if received[position - 1] != 13:
            raise Refused(502, "bare-line-feed")
    if (end + 4 if end >= 0 else len(received)) > most:
        raise Refused(502, "head-too-large")
    return end + 4 if end >= 0 else 0


def _line_feeds(received: bytes | bytearray, start: int, end: int) -> list[int]:
    found = []
    position = received.find(b"\n", start, end)
    while position >= 0:
        found.append(position)
        position = received.find(b"\n", position + 1, end)
    return found


def code_expected(status: int, expected: tuple[str, ...]) -> bool:
    """Whether a code is one of them, or of a class of them."""
    code = str(status)
    return any(code == each or (each[1:] == "xx" and code[0] == each[0]) for each in expected)


def judge_code(head: ResponseHead, http: HttpConfig) -> None:
    """ProbeFailed where the code is none of those expected."""
    if not code_expected(head.status, http.expected_codes):
        raise ProbeFailed(Reason.CODE_MISMATCH, f"expected {', '.join(http.expected_codes)}; received {head.status}")


def judge_body(head: ResponseHead, body: bytes, http: HttpConfig) -> None:
    """ProbeFailed where the beginning of the body, without its framing, doesn't hold what is expected."""
    if http.expected_body is None or body_holds(body, http.expected_body):
        return
    kind = head.index.get(b"content-type", b"no type").decode("latin-1")[:40]
    coding = head.index.get(b"content-encoding", b"").decode("latin-1")[:20]
    size = f"the first {MOST_BODY}" if len(body) == MOST_BODY else str(len(body))
    raise ProbeFailed(
        Reason.BODY_MISMATCH,
        f"expected {http.expected_body[:60]!r} in the body; received {size} bytes of {kind}"
        + (f", encoded as {coding}" if coding else ""),
    )


def body_holds(body: bytes, expected: str) -> bool:
    """Whether the text is in its first 10 KB, in letters of any case. Bytes that are no UTF-8 match nothing."""
    return expected.casefold() in body[:MOST_BODY].decode("utf-8", "replace").casefold()
