"""Header blocks of plain requests, judged by what was seen before. Pure.

A line judged once is remembered by what it says, and so is a whole block of such lines: what clients repeat needs no
parser. Judging is by the full parser's own grammar, line by line; whatever is not plain is left to the full parser.
"""

from shield_proxy.wire.fast.plain import MARKS, is_harmless
from shield_proxy.wire.http.lines import LINES, LONGEST, read_fields, read_line
from shield_proxy.wire.http.message import Index, Refused
from shield_proxy.wire.http.parse import AUTHORITY

LARGEST = 4 << 10
"""Bytes of a block that is judged here."""
MOST_FIELDS = 64
"""Fields of a block that is judged here."""
BLOCKS = 2048
"""Remembered at most; then remembering begins anew."""
LOGGED = (b"user-agent", b"referer", b"traceparent", b"x-forwarded-for")
Logged = tuple[bytes, bytes, bytes, bytes]
"""The values of these fields; empty where there are none, the last also where nobody trusted says it."""

_Role = tuple[int, bytes]
"""What a line says: a place in a list, and what belongs there."""
_PLACES = {name: place for place, name in enumerate((*LOGGED, b"host", b"x-forwarded-proto"))}
_HOST, _SCHEME = _PLACES[b"host"], _PLACES[b"x-forwarded-proto"]
_SAYS_NOTHING: _Role = (-1, b"")


class Plain:
    """What the fast path needs of a header block."""

    __slots__ = ("_block", "_index", "authority", "logged", "mark")

    def __init__(self, authority: bytes, mark: bytes | None, logged: Logged, block: bytes) -> None:
        self.authority = authority
        self.mark = mark
        """Of the scheme that a trusted proxy names; None: the connection's own."""
        self.logged = logged
        self._block = block
        self._index: Index | None = None

    @property
    def index(self) -> Index:
        """The fields by lower-case name, Host in lower case."""
        if self._index is None:
            self._index = read_fields(self._block[2:])[1] | {b"host": self.authority}
        return self._index


class PlainBlocks(dict[bytes, Plain]):
    """Header blocks (from the end of the request line to the empty line) judged plain."""

    __slots__ = ("_most_fields", "_roles", "_trusted")

    def __init__(self, *, trusted: bool = False, most_fields: int = MOST_FIELDS) -> None:
        """`trusted`: of connections from proxies whose word on the client counts."""
        super().__init__()
        self._trusted = trusted
        self._most_fields = most_fields
        self._roles: dict[bytes, _Role] = {}

    def judge(self, block: bytes) -> Plain | None:
        """The block's meaning if it is plain; None leaves it to the full parser."""
        lines = block[2:-4].split(b"\r\n")
        if len(block) > LARGEST or len(lines) > self._most_fields:
            return None
        roles = list(map(self._roles.get, lines))
        telling = [role for role in roles if role is not _SAYS_NOTHING]
        new = None in telling
        if new:
            telling = []
            for line, role in zip(lines, roles, strict=True):
                said = role or self._judge_line(line)
                if said is None:
                    return None
                if said is not _SAYS_NOTHING:
                    telling.append(said)
        told: list[bytes | None] = [None, None, None, None, None, None]
        for place, value in telling:  # type: ignore[misc]  # None has left above
            before = told[place]
            if before is not None and place >= _HOST:
                return None
            told[place] = value if before is None else before + b", " + value
        agent, referer, trace, chain, authority, mark = told
        if authority is None:
            return None
        plain = Plain(authority, mark, (agent or b"", referer or b"", trace or b"", chain or b""), block)
        if not new:
            if len(self) >= BLOCKS:
                self.clear()
            self[block] = plain
        return plain

    def _judge_line(self, line: bytes) -> _Role | None:
        try:
            name, value = read_line(line)
        except Refused:
            return None
        name = name.lower()
        if not is_harmless(name, value, self._trusted):
            return None
        role = _SAYS_NOTHING
        place = _PLACES.get(name)
        if place == _HOST:
            value = value.lower()
            if AUTHORITY.fullmatch(value) is None:
                return None
            role = (place, value)
        elif place == _SCHEME:
            if self._trusted:
                role = (place, MARKS[value])
        elif place is not None and (self._trusted or name != b"x-forwarded-for"):
            role = (place, value)
        if len(line) <= LONGEST:
            if len(self._roles) >= LINES:
                self._roles.clear()
            self._roles[line] = role
        return role
