"""Requests for the twins of the fast path, what they find, and what the full parser makes of the same bytes."""

import importlib
from types import ModuleType
from typing import Any

import pytest
from hypothesis import strategies as st

from shield_proxy.wire.fast.plain import DECISIVE, MARKS, REWRITTEN, is_plain, variation
from shield_proxy.wire.http.message import Refused
from shield_proxy.wire.http.parse import HeadLimits, parse_request

LIMITS = HeadLimits()
NOW = 1000.0
LINES, MARKED = b"HTTP/1.1 200 OK\r\nETag: x\r\n", b"Via: 1.1 here\r\nContent-Length: "


def compiled() -> ModuleType:
    """The compiled twin, wherever the package was built with a compiler."""
    try:
        return importlib.import_module("shield_proxy.wire.fast._fast")
    except ImportError:
        pytest.skip("the package was built without a C compiler")


def names_of(module: Any) -> dict[bytes, Any]:
    """Raw names of what the tests ask for: small, empty, large, stale, and with variants."""
    tally = module.Tally("zone")
    names = {}
    bodies = {b"/a": b"small", b"/empty": b"", b"/large": b"x" * 40_000, b"/stale": b"old"}
    for mark in MARKS.values():
        for host in (b"a", b"a.example:80"):
            for target, body in bodies.items():
                resource = module.Resource(target, ())
                fresh_for = 0.0 if target == b"/stale" else 100.0
                told = body if target != b"/a" else b"%b %b" % (host, mark.hex().encode())
                resource.answer = module.Answer(LINES, MARKED, told, NOW - 7.5, fresh_for, tally)
                names[mark + host + target] = resource
            varied = module.Resource(b"/v", (b"accept-encoding", b"cookie", b"x-none"))
            varied.variants = {
                variation(varied.vary, index): module.Answer(LINES, MARKED, b"variant %d" % i, NOW, 100.0, tally)
                for i, index in enumerate(
                    ({}, {b"accept-encoding": b"br"}, {b"cookie": b"a=1, b=2"}, {b"accept-encoding": b"br, gzip"})
                )
            }
            names[mark + host + b"/v"] = varied
    return names


def answer_for(names: dict[bytes, Any], head: Any, *, trusted: bool) -> Any:
    """What the full parser's reading of a request finds."""
    if head.method not in (b"GET", b"HEAD") or not is_plain(head, trusted=trusted):
        return None
    scheme = head.index.get(b"x-forwarded-proto", b"http") if trusted else b"http"
    resource = names.get(MARKS[scheme] + head.authority + head.target)
    if resource is None:
        return None
    found = resource.answer or (resource.variants or {}).get(variation(resource.vary, head.index))
    return found if found is not None and NOW - found.born < found.fresh_for else None


def whole(found: Any, method: bytes) -> bytes:
    head = b"%b%b%d\r\nAge: %d\r\n\r\n" % (found.lines, found.marks, len(found.body), NOW - found.born)
    return head + (b"" if method == b"HEAD" else found.body)


def readings(raw: bytes, names: dict[bytes, Any], *, trusted: bool) -> list[tuple[int, bytes, tuple[bytes, ...]]]:
    """Where each plain request of the buffer ends, its answer, and what a log tells: by the full parser alone."""
    found, position = [], 0
    while (end := raw.find(b"\r\n\r\n", position) + 4) > 3:
        try:
            head = parse_request(raw[position:end], LIMITS)
        except Refused:
            break
        answer = answer_for(names, head, trusted=trusted)
        if answer is None:
            break
        logged = [head.index.get(name, b"") for name in (b"user-agent", b"referer", b"traceparent")]
        logged.append(head.index.get(b"x-forwarded-for", b"") if trusted else b"")
        found.append((end, whole(answer, head.method), (head.method, head.authority, head.target, *logged)))
        position = end
    return found


STARTS = [b"GET /a", b"GET /a", b"GET /v", b"HEAD /a", b"GET /empty", b"GET /large", b"GET /stale", b"GET /other"]
STARTS += [b"POST /a", b"GET a", b"GET http://a/a", b"get /a", b"GET  /a", b"GET /a#", b"GET /a\x80", b"OPTIONS *"]
START = st.sampled_from([*STARTS, b"GET /a b", b"HEADS /a"])
VERSION = st.sampled_from([b" HTTP/1.1\r\n"] * 6 + [b" HTTP/1.0\r\n", b" HTTP/1.1\n", b"\r\n", b" HTTP/1.1 \r\n"])
HOST = st.sampled_from(
    [b"a", b"A", b" a \t", b"a.example:80", b"A.Example:80", b"b", b"", b"a b", b"a, a", b"a\x80", b"[::1]"]
)
VALUES = st.sampled_from([b"", b"x", b" br", b"br \t", b"a=1", b"b=2", b"keep-alive", b"close", b"http", b"https"])
ODD = st.binary(max_size=12)
NAME = [
    b"Accept-Encoding",
    b"Cookie",
    b"User-Agent",
    b"Referer",
    b"Traceparent",
    b"X-None",
    b"Connection",
    b"X-Real-IP",
]
NAME += [b"Shield-X", b"Sec-Fetch-Site", b"Host", b"Content-Length", b"Transfer-Encoding", b"shield"]
NAMES = st.sampled_from([*NAME, b"", b"X Y", b"X(", b"\x80", *sorted(REWRITTEN), *sorted(DECISIVE)])
CASED = st.tuples(NAMES, st.sampled_from([bytes.title, bytes.upper, bytes.lower])).map(lambda pair: pair[1](pair[0]))
LINE = st.one_of(
    st.tuples(CASED, st.sampled_from([b":", b": ", b":\t ", b" :", b"::"]), st.one_of(VALUES, ODD)).map(b"".join),
    st.sampled_from(
        [b"Accept-Encoding: br", b"Cookie: a=1", b"Cookie: b=2", b"User-Agent: " + b"u" * 40, b"X: " + b"y" * 5000]
    ),
    ODD,
)
END = st.sampled_from([b"\r\n"] * 8 + [b"\n", b"\r\n "])
ANY_HEAD = st.tuples(
    START,
    VERSION,
    HOST,
    st.lists(st.tuples(LINE, END).map(b"".join), max_size=5),
    st.sampled_from([b"\r\n"] * 6 + [b""]),
).map(lambda parts: b"%b%bHost:%b\r\n%b%b" % (parts[0], parts[1], parts[2], b"".join(parts[3]), parts[4]))
GOOD_HEAD = st.tuples(
    st.sampled_from([b"GET /a", b"HEAD /a", b"GET /v", b"GET /large", b"GET /empty"]),
    st.sampled_from([b"a", b" A ", b"a.example:80"]),
    st.lists(
        st.sampled_from(
            [b"Accept-Encoding: br", b"Cookie: a=1", b"Cookie: b=2", b"Referer:\t/x", b"Sec-Fetch-Mode: y"]
        ),
        max_size=4,
        unique=True,
    ),
).map(
    lambda parts: (
        b"%b HTTP/1.1\r\nHost:%b\r\n%b\r\n" % (parts[0], parts[1], b"".join(line + b"\r\n" for line in parts[2]))
    )
)
BUFFERS = st.lists(st.one_of(GOOD_HEAD, ANY_HEAD), max_size=4).map(b"".join)
