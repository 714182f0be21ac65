"""Requests so plain that their header fields say nothing but who is asked. Pure."""

from shield_proxy.wire.http.message import Index, RequestHead

UNSAID = (
    b"forwarded",
    b"front-end-https",
    b"origin",
    b"x-forwarded-path",
    b"x-forwarded-port",
    b"x-forwarded-prefix",
    b"x-forwarded-scheme",
    b"x-forwarded-server",
    b"x-forwarded-ssl",
    b"x-forwarded-uri",
    b"x-host",
    b"x-http-host-override",
    b"x-http-method",
    b"x-http-method-override",
    b"x-method-override",
    b"x-original-host",
    b"x-original-url",
    b"x-rewrite-url",
    b"x-url-scheme",
)
"""Fields that origins are known to answer by without saying so in Vary: part of the cache key. X-Forwarded-Host and
-Proto are not among them: the shield sets them itself."""

REWRITTEN = frozenset(
    (b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-port", b"x-forwarded-proto", b"x-real-ip")
)
"""Fields that only a trusted proxy may say. From others they are removed before anything is decided, so that they
decide nothing."""

DECISIVE = frozenset(
    (
        *UNSAID,
        b"authorization",
        b"cache-control",
        b"cdn-loop",
        b"connection",
        b"content-length",
        b"expect",
        b"if-match",
        b"if-modified-since",
        b"if-none-match",
        b"if-range",
        b"if-unmodified-since",
        b"keep-alive",
        b"max-forwards",
        b"pragma",
        b"proxy-authorization",
        b"proxy-connection",
        b"range",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        b"x-forwarded-host",
    )
)
"""Fields that change how a request is answered; private fields (shield-*) are decisive too."""

MARKS = {b"http": b"", b"https": b"\x01"}
"""What the raw name of a resource begins with, so that no two schemes share."""


def variation(names: tuple[bytes, ...], index: Index) -> bytes:
    """Equal for requests that select the same variant under a Vary of `names` (RFC 9111, 4.1)."""
    return b"\n".join(b"%s:%s" % (name, index[name]) if name in index else name for name in names)


def is_plain(head: RequestHead, *, trusted: bool = False) -> bool:
    """Whether nothing but scheme, method, target and host decides how to answer, and the connection stays as it is.
    `trusted`: a proxy says it whose word on the client counts."""
    return head.minor == 1 and all(is_harmless(name, value, trusted) for name, value in head.index.items())


def is_harmless(name: bytes, value: bytes, trusted: bool) -> bool:
    """Whether a field (its name in lower case) decides nothing."""
    if name in REWRITTEN:
        if not trusted or name in (b"x-forwarded-for", b"x-real-ip"):
            return True
        return name == b"x-forwarded-proto" and value in MARKS
    if name == b"connection":  # some say what HTTP/1.1 does anyway
        return value.lower() == b"keep-alive"
    return name not in DECISIVE and not name.startswith(b"shield-")
