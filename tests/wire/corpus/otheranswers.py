"""Responses that break off amid their body, and those that look odd but have one meaning (RFC 9112, 6.3, 7.1, 8)."""

from corpus.answers import FRESH, Answer, Good, cut, good, head

CHUNKED = b"Transfer-Encoding: chunked"
END = b"0\r\n\r\n"
SECOND = b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\npoisoned"

SIZES = {
    "signed": b"+5",
    "negative": b"-5",
    "prefix": b"0x5",
    "underscore": b"0_5",
    "space before": b" 5",
    "space after": b"5 ",
    "empty": b"",
    "not hexadecimal": b"g",
    "64 bits": b"FFFFFFFFFFFFFFFF",
    "wraps round 64 bits": b"10000000000000005",
    "NUL after": b"5\x00",
    "extension with a bare carriage return": b"5;a\rb",
    "extension with a bare line feed": b"5;a\nb",
    "extension that doesn't end": b"5;" + b"a" * 5000,
}

CHUNKS = {
    "size line ends with a bare line feed": b"5\nhello\r\n" + END,
    "data ends with a bare line feed": b"5\r\nhello\n" + END,
    "data has no end": b"5\r\nhello" + END,
    "data is followed by two other bytes": b"5\r\nhelloXX" + END,
    "data is longer than its size": b"5\r\nhello!\r\n" + END,
    "an empty line between chunks": b"5\r\nhello\r\n\r\n" + END,
    "last chunk ends with bare line feeds": b"5\r\nhello\r\n0\n\n",
    "trailer that is folded": b"5\r\nhello\r\n0\r\nX-A: b\r\n c\r\n\r\n",
    "trailer without a colon": b"5\r\nhello\r\n0\r\nX-A\r\n\r\n",
    "trailer with a bare line feed": b"5\r\nhello\r\n0\r\nX-A: b\nX-B: c\r\n\r\n",
    "a response for a trailer": b"5\r\nhello\r\n0\r\n" + SECOND,
    "trailers beyond all measure": b"5\r\nhello\r\n0\r\nX-A: " + b"b" * (70 << 10) + b"\r\n\r\n",
}

SHORT = {
    "closed within a chunk": b"5\r\nhel",
    "closed after a chunk": b"5\r\nhello\r\n",
    "closed within a size": b"5\r\nhello\r\n1",
    "closed before the last line": b"5\r\nhello\r\n0\r\n",
    "closed within trailers": b"5\r\nhello\r\n0\r\nX-A: b\r\n",
}

HELLO = Good(b"hello")
OPEN_END = Good(b"hello", reused=False)
LEFT = Good(b"hello", reused=False)
"""The rest behind it is nobody's answer, and ends the connection."""

ANSWERS: list[Answer] = [
    *(cut(f"chunk size: {n}", head(CHUNKED, FRESH) + s + b"\r\nhello\r\n" + END) for n, s in SIZES.items()),
    *(cut(f"chunks: {name}", head(CHUNKED, FRESH) + body) for name, body in CHUNKS.items()),
    *(cut(f"chunks: {name}", head(CHUNKED, FRESH) + body, closes=True) for name, body in SHORT.items()),
    cut("shorter than its length", head(b"Content-Length: 9", FRESH) + b"hello", closes=True),
    cut("nothing of its length", head(b"Content-Length: 9", FRESH), closes=True),
    cut("shorter than a huge length", head(b"Content-Length: 999999999999999", FRESH) + b"hello", closes=True),
    # Good ones.
    good("a length", HELLO, b"Content-Length: 5", body=b"hello"),
    good("zeros before a length", HELLO, b"Content-Length: 005", body=b"hello"),
    good("chunks", HELLO, CHUNKED, body=b"2\r\nhe\r\n3;a=b\r\nllo\r\n00;c\r\n\r\n"),
    good("chunks, and their coding in capitals", HELLO, b"TRANSFER-ENCODING: CHUNKED", body=b"5\r\nhello\r\n0\r\n\r\n"),
    good("until the end", OPEN_END, body=b"hello", closes=True),
    good("close", OPEN_END, b"Connection: close", b"Content-Length: 5", body=b"hello"),
    good("close in a list", OPEN_END, b"Connection: a, CLOSE", b"Content-Length: 5", body=b"hello"),
    Answer(
        "HTTP/1.0 until the end",
        OPEN_END,
        head(b"Pragma: no-cache, x", b"Cache-Control: no-store", first=b"HTTP/1.0 200 OK") + b"hello",
        closes=True,
    ),
    Answer(
        "HTTP/1.0 with a length",
        OPEN_END,
        head(b"Content-Length: 5", b"Cache-Control: no-store", first=b"HTTP/1.0 200 OK") + b"hello",
    ),
    Answer(
        "no reason", HELLO, head(b"Content-Length: 5", b"Cache-Control: no-store", first=b"HTTP/1.1 200 ") + b"hello"
    ),
    Answer(
        "a status of no class",
        Good(b"hello", 999),
        head(b"Content-Length: 5", b"Cache-Control: no-store", first=b"HTTP/1.1 999 Denied") + b"hello",
    ),
    # More than was announced: nobody asked for it (response splitting, queue poisoning).
    good("longer than its length", LEFT, b"Content-Length: 5", body=b"hello!"),
    good("a second response behind a length", LEFT, b"Content-Length: 5", body=b"hello" + SECOND),
    good("a second response behind chunks", LEFT, CHUNKED, body=b"5\r\nhello\r\n0\r\n\r\n" + SECOND),
    good("an empty line behind a length", LEFT, b"Content-Length: 5", body=b"hello\r\n"),
    good("a body for HEAD", Good(reused=False), b"Content-Length: 5", body=b"hello", method="HEAD"),
    good("a second response for HEAD", Good(reused=False), b"Content-Length: 5", body=SECOND, method="HEAD"),
    Answer(
        "a body of 204",
        Good(status=204, reused=False),
        head(b"Content-Length: 5", b"Cache-Control: no-store", first=b"HTTP/1.1 204 No Content") + b"hello",
    ),
    Answer(
        "chunks of 204",
        Good(status=204, reused=False),
        head(CHUNKED, b"Cache-Control: no-store", first=b"HTTP/1.1 204 No Content") + b"5\r\nhello\r\n0\r\n\r\n",
    ),
    # 1xx (RFC 9110, 15.2)
    Answer(
        "an interim response",
        Good(b"hello", interim=1),
        head(b"Link: </a>", first=b"HTTP/1.1 103 Early Hints")
        + head(b"Content-Length: 5", b"Cache-Control: no-store")
        + b"hello",
        method="POST",
    ),
    Answer(
        "an interim response with a length",
        Good(b"hello", interim=1),
        head(b"Content-Length: 9", first=b"HTTP/1.1 103 Early Hints")
        + head(b"Content-Length: 5", b"Cache-Control: no-store")
        + b"hello",
        method="POST",
    ),
    # What belongs to the origin's connection ends there.
    good(
        "fields of the connection",
        Good(b"hello", absent=("keep-alive", "proxy-authenticate", "proxy-connection", "upgrade", "trailer")),
        b"Content-Length: 5",
        b"Keep-Alive: timeout=5",
        b"Proxy-Authenticate: Basic",
        b"Proxy-Connection: close",
        b"Upgrade: h2c",
        b"Trailer: X-A",
        body=b"hello",
    ),
    good(
        "named by Connection",
        Good(b"hello", absent=("x-secret",), present=(("x-kept", "1"),)),
        b"Content-Length: 5",
        b"Connection: X-Secret",
        b"x-secret: 1",
        b"X-Kept: 1",
        body=b"hello",
    ),
    good("Connection names the length", HELLO, b"Connection: content-length", b"Content-Length: 5", body=b"hello"),
    good(
        "Connection names Cache-Control",
        Good(b"hello", present=(("cache-control", "no-store"),)),
        b"Connection: cache-control",
        b"Content-Length: 5",
        body=b"hello",
    ),
    good(
        "private fields of pods",
        Good(b"hello", absent=("shield-forwarded", "shield-budget", "shield-scheme", "shield-generation")),
        b"Content-Length: 5",
        b"Shield-Forwarded: 1",
        b"Shield-Budget: 1",
        b"Shield-Scheme: https",
        b"Shield-Generation: 9",
        body=b"hello",
    ),
    good(
        "our own words from an origin",
        Good(b"hello", present=(("shield-cache-status", "BYPASS"),)),
        b"Content-Length: 5",
        b"Shield-Cache-Status: HIT",
        body=b"hello",
    ),
    good(
        "line ends in UTF-8 that lose their high bits",
        Good(b"hello", absent=("x-b",)),
        b"Content-Length: 5",
        "X-A: čĊX-B: c".encode(),
        body=b"hello",
    ),
    good(
        "a bomb of gzip passes as it is",
        Good(b"\x1f\x8b" + b"\x00" * 1000, present=(("content-encoding", "gzip"),)),
        b"Content-Length: 1002",
        b"Content-Encoding: gzip",
        body=b"\x1f\x8b" + b"\x00" * 1000,
    ),
]
