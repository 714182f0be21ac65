"""Requests so plain that their header block says nothing but who is asked. Pure.

A block judged once by the full parser is remembered with its verdict; the same bytes again need no parser. There is
no second, laxer grammar: what is not remembered is parsed.
"""

from shield_proxy.wire.message import Index, RequestHead

DECISIVE = frozenset(
    (
        b"authorization",
        b"cache-control",
        b"cdn-loop",
        b"connection",
        b"content-length",
        b"expect",
        b"forwarded",
        b"if-match",
        b"if-modified-since",
        b"if-none-match",
        b"if-range",
        b"if-unmodified-since",
        b"keep-alive",
        b"max-forwards",
        b"origin",
        b"pragma",
        b"proxy-authorization",
        b"proxy-connection",
        b"range",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        b"x-forwarded-host",
        b"x-forwarded-scheme",
        b"x-host",
        b"x-http-method",
        b"x-http-method-override",
        b"x-method-override",
        b"x-original-url",
        b"x-rewrite-url",
    )
)
"""Fields that change how a request is answered; private fields (shield-*) are decisive too."""

LARGEST = 4 << 10
MOST = 4096


class Plain:
    """What the fast path needs of a header block."""

    __slots__ = ("_variations", "authority", "index")

    def __init__(self, authority: bytes, index: Index) -> None:
        self.authority = authority
        self.index = index
        self._variations: dict[tuple[bytes, ...], bytes] = {}

    def variation(self, names: tuple[bytes, ...]) -> bytes:
        """The values of the fields that a Vary names, as one key."""
        known = self._variations.get(names)
        if known is None:
            known = variation(names, self.index)
            if len(self._variations) < 8:
                self._variations[names] = known
        return known


def variation(names: tuple[bytes, ...], index: Index) -> bytes:
    """Equal for requests that select the same variant under a Vary of `names` (RFC 9111, 4.1)."""
    return b"\n".join(b"%s:%s" % (name, index[name]) if name in index else name for name in names)


def is_plain(head: RequestHead) -> bool:
    """Whether nothing but method, target and host decides how to answer, and the connection stays as it is."""
    if head.minor != 1 or not head.keep_alive:
        return False
    names = head.index.keys()
    if not DECISIVE.isdisjoint(names):
        # browsers and load generators say what HTTP/1.1 does anyway
        rest = DECISIVE.intersection(names)
        if rest != {b"connection"} or head.index[b"connection"].lower() != b"keep-alive":
            return False
    return not any(name.startswith(b"shield-") for name in names)


class PlainBlocks(dict[bytes, Plain]):
    """Header blocks (from the end of the request line to the empty line) judged plain; bounded."""

    __slots__ = ()

    def remember(self, block: bytes, head: RequestHead) -> Plain | None:
        """The verdict on `head`, kept under its block where that is worth it."""
        if not is_plain(head):
            return None
        plain = Plain(head.authority, head.index)
        if len(block) <= LARGEST:
            if len(self) >= MOST:
                self.clear()
            self[block] = plain
        return plain
