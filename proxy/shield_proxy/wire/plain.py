"""Requests so plain that their header fields say nothing but who is asked. Pure.

A header line judged once is remembered with its verdict, and so is a whole block of lines: what clients repeat needs
no parser. Judging is by the full parser's own grammar, line by line; whatever is not plain goes to the full parser.
"""

import re

from shield_proxy.wire.message import Fields, Index, RequestHead, index_fields
from shield_proxy.wire.parse import AUTHORITY, FIELD_LINE

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

LARGEST = 4 << 10
"""Bytes of a block that is judged here."""
MOST_FIELDS = 64
"""Fields of a block that is judged here."""
BLOCKS, LINES = 2048, 4096
"""Remembered at most; then remembering begins anew."""
MARKS = {b"http": b"", b"https": b"\x01"}
"""What the raw name of a resource begins with, so that no two schemes share."""
LOGGED = (b"user-agent", b"referer", b"traceparent", b"x-forwarded-for")
Logged = tuple[bytes, bytes, bytes, bytes]
"""The values of these fields; empty where there are none, the last also where nobody trusted says it."""
_LINE = re.compile(FIELD_LINE)


class Plain:
    """What the fast path needs of a header block."""

    __slots__ = ("_fields", "_index", "_logged", "_trusted", "_variations", "authority", "mark")

    def __init__(self, authority: bytes, mark: bytes | None, fields: Fields, *, trusted: bool) -> None:
        self.authority = authority
        self.mark = mark
        """Of the scheme that a trusted proxy names; None: the connection's own."""
        self._fields = fields
        self._trusted = trusted
        self._logged: Logged | None = None
        self._index: Index | None = None
        self._variations: dict[tuple[bytes, ...], bytes] = {}

    @property
    def index(self) -> Index:
        """The fields by lower-case name."""
        if self._index is None:
            self._index = index_fields(self._fields)
        return self._index

    @property
    def logged(self) -> "Logged":
        """What the log tells of the block."""
        if self._logged is None:
            agent, referer, trace, told = (self.index.get(name, b"") for name in LOGGED)
            self._logged = agent, referer, trace, told if self._trusted else b""
        return self._logged

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


def is_plain(head: RequestHead, *, trusted: bool = False) -> bool:
    """Whether nothing but scheme, method, target and host decides how to answer, and the connection stays as it is.
    `trusted`: a proxy says it whose word on the client counts."""
    return head.minor == 1 and all(_is_harmless(name, value, trusted) for name, value in head.index.items())


def _is_harmless(name: bytes, value: bytes, trusted: bool) -> bool:
    if name in REWRITTEN:
        if not trusted or name in (b"x-forwarded-for", b"x-real-ip"):
            return True
        return name == b"x-forwarded-proto" and value in MARKS
    if name == b"connection":  # some say what HTTP/1.1 does anyway
        return value.lower() == b"keep-alive"
    return name not in DECISIVE and not name.startswith(b"shield-")


class PlainBlocks(dict[bytes, Plain]):
    """Header blocks (from the end of the request line to the empty line) judged plain."""

    __slots__ = ("_lines", "_most_fields", "_trusted")

    def __init__(self, *, trusted: bool = False, most_fields: int = MOST_FIELDS) -> None:
        """`trusted`: of connections from proxies whose word on the client counts."""
        super().__init__()
        self._trusted = trusted
        self._most_fields = most_fields
        self._lines: dict[bytes, tuple[bytes, bytes]] = {}

    def judge(self, block: bytes) -> Plain | None:
        """The block's meaning if it is plain; None leaves it to the full parser."""
        if len(block) > LARGEST:
            return None
        lines = block[2:-4].split(b"\r\n")
        if len(lines) > self._most_fields:
            return None
        fields = list(map(self._lines.get, lines))
        if None in fields:
            fields = [field or self._judge_line(line) for field, line in zip(fields, lines, strict=True)]
        known = tuple(field for field in fields if field is not None)
        hosts = [value for name, value in known if name == b"host"]
        if len(known) != len(lines) or len(hosts) != 1:
            return None
        mark = None
        if self._trusted:
            schemes = [value for name, value in known if name == b"x-forwarded-proto"]
            if len(schemes) > 1:
                return None
            mark = MARKS[schemes[0]] if schemes else None
        plain = Plain(hosts[0], mark, known, trusted=self._trusted)
        if len(self) >= BLOCKS:
            self.clear()
        self[block] = plain
        return plain

    def _judge_line(self, line: bytes) -> tuple[bytes, bytes] | None:
        match = _LINE.fullmatch(line)
        if match is None:
            return None
        name, _, value = line.partition(b":")
        name, value = name.lower(), value.strip(b" \t")
        if name == b"host":
            value = value.lower()
            if AUTHORITY.fullmatch(value) is None:
                return None
        if not _is_harmless(name, value, self._trusted):
            return None
        if len(self._lines) >= LINES:
            self._lines.clear()
        field = self._lines[line] = (name, value)
        return field
