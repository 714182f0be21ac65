"""Fields of one connection, and what they name: they end here (RFC 9110, 7.6.1)."""

from corpus.cases import HOST, Case, Yes, get, no, post, request

KEPT = (b"X-Kept", b"1")
NAMED = Yes(fields=(KEPT,))

CASES: list[Case] = [
    Case("named by Connection", NAMED, get(b"Connection: x-secret", b"X-Secret: 1", b"X-Kept: 1")),
    Case("named in capitals", NAMED, get(b"Connection: X-SECRET", b"x-secret: 1", b"X-Kept: 1")),
    Case("named after it was sent", NAMED, get(b"X-Secret: 1", b"X-Kept: 1", b"Connection: x-secret")),
    Case("named in a list with empty members", NAMED, get(b"Connection: ,, x-secret ,", b"X-Secret: 1", b"X-Kept: 1")),
    Case(
        "named in a second Connection",
        NAMED,
        get(b"Connection: a", b"Connection: x-secret", b"X-Secret: 1", b"X-Kept: 1"),
    ),
    Case(
        "a field named twice in the head",
        NAMED,
        get(b"Connection: x-secret", b"X-Secret: 1", b"X-Secret: 2", b"X-Kept: 1"),
    ),
    Case("Connection names itself", NAMED, get(b"Connection: connection", b"X-Kept: 1")),
    Case("Connection names Host", NAMED, get(b"Connection: host", b"X-Kept: 1")),
    Case(
        "Connection names our own marks",
        NAMED,
        get(b"Connection: via, cdn-loop, x-forwarded-for, x-forwarded-proto", b"X-Kept: 1"),
    ),
    # Without these the next cache would share what is private.
    Case(
        "Connection names Cache-Control",
        Yes(fields=((b"Cache-Control", b"no-store"),)),
        get(b"Connection: cache-control", b"Cache-Control: no-store"),
    ),
    Case("Connection names nonsense", NAMED, get(b'Connection: "x-kept", x kept, x-kept;a', b"X-Kept: 1")),
    Case("Keep-Alive", NAMED, get(b"Keep-Alive: timeout=5", b"X-Kept: 1")),
    Case("Proxy-Connection", NAMED, get(b"Proxy-Connection: keep-alive", b"X-Kept: 1")),
    Case("Proxy-Connection can't close", NAMED, get(b"Proxy-Connection: close", b"X-Kept: 1")),
    Case("Proxy-Authorization", NAMED, get(b"Proxy-Authorization: Basic eA==", b"X-Kept: 1")),
    Case("TE", NAMED, get(b"TE: trailers", b"X-Kept: 1")),
    Case("Trailer", NAMED, get(b"Trailer: X-Kept", b"X-Kept: 1")),
    # h2c smuggling (2020): an upgrade that the origin would follow and the proxy would not see.
    Case(
        "Upgrade to h2c",
        NAMED,
        get(
            b"Connection: Upgrade, HTTP2-Settings",
            b"Upgrade: h2c",
            b"HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA",
            b"X-Kept: 1",
        ),
    ),
    Case("Upgrade to h2c, not named", NAMED, get(b"Upgrade: h2c", b"X-Kept: 1")),
    Case("Upgrade to TLS", NAMED, get(b"Connection: Upgrade", b"Upgrade: TLS/1.0", b"X-Kept: 1")),
    # Private fields between pods: a client's are no orders.
    Case(
        "private fields of pods",
        NAMED,
        get(
            b"Shield-Forwarded: 1", b"Shield-Budget: 1", b"Shield-Scheme: https", b"Shield-Generation: 9", b"X-Kept: 1"
        ),
        hop=False,
    ),
    # Whether the connection goes on.
    Case("close", Yes(closes=True), get(b"Connection: close")),
    Case("close in capitals", Yes(closes=True), get(b"Connection: CLOSE")),
    Case("close in a list", Yes(closes=True), get(b"Connection: keep-alive, close")),
    Case("close in a second field", Yes(closes=True), get(b"Connection: keep-alive", b"Connection: close")),
    Case("what only looks like close", Yes(), get(b"Connection: closed, xclose")),
    Case("HTTP/1.0 closes", Yes(closes=True), request(b"GET /x HTTP/1.0", b"Host: " + HOST)),
    Case("HTTP/1.0 that keeps alive", Yes(), request(b"GET /x HTTP/1.0", b"Host: " + HOST, b"Connection: Keep-Alive")),
    Case(
        "HTTP/1.0 that keeps alive and closes",
        Yes(closes=True),
        request(b"GET /x HTTP/1.0", b"Host: " + HOST, b"Connection: keep-alive, close"),
    ),
    # Expect (RFC 9110, 10.1.1)
    Case(
        "an expectation that is met",
        Yes(b"POST", body=b"abc"),
        post(b"Expect: 100-continue", b"Content-Length: 3", body=b"abc"),
    ),
    Case(
        "an expectation in capitals",
        Yes(b"POST", body=b"abc"),
        post(b"Expect: 100-CONTINUE", b"Content-Length: 3", body=b"abc"),
    ),
    Case("an expectation without a body", Yes(), get(b"Expect: 100-continue")),
    Case(
        "an expectation in HTTP/1.0 is ignored",
        Yes(b"POST", body=b"abc", closes=True),
        request(b"POST /x HTTP/1.0", b"Host: " + HOST, b"Expect: 100-continue", b"Content-Length: 3", body=b"abc"),
    ),
    Case(
        "odd expectations in HTTP/1.0 are ignored",
        Yes(b"POST", body=b"abc", closes=True),
        request(b"POST /x HTTP/1.0", b"Host: " + HOST, b"Expect: y", b"Expect: z", b"Content-Length: 3", body=b"abc"),
    ),
    no("an expectation nobody can meet", 417, post(b"Expect: 200-ok", b"Content-Length: 3", body=b"abc")),
    no("an expectation with more", 417, post(b"Expect: 100-continue, more", b"Content-Length: 3", body=b"abc")),
    no(
        "an expectation that is almost one (2025)",
        417,
        post(b"Expect: y 100-continue", b"Content-Length: 3", body=b"abc"),
    ),
]
