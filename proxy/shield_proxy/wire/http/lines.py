"""Field lines, each judged by the grammar once: what clients and origins repeat needs no second look. Pure."""

import re

from shield_proxy.wire.http.message import Fields, Index, Refused, index_fields

TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]++"
FIELD_LINE = TOKEN + rb":[\t\x20-\x7e\x80-\xff]*+"
"""A field without the end of its line."""
BLOCKS, LARGEST = 512, 2048
"""Blocks of requests remembered, and bytes of one worth remembering."""
LINES, LONGEST = 4096, 512
"""Lines remembered, twice that at most, and bytes of one worth remembering."""
_LINE = re.compile(FIELD_LINE)
_Known = tuple[tuple[bytes, bytes], tuple[bytes, bytes]]
"""(name, value), and the same with the name in lower case."""


def read_line(line: bytes) -> tuple[bytes, bytes]:
    """(name, value) of a line without its end; Refused where the grammar doesn't hold."""
    if _LINE.fullmatch(line) is None:
        raise Refused(400, "malformed-field")
    name, _, value = line.partition(b":")
    return name, value.strip(b" \t")


class KnownLines(dict[bytes, _Known]):
    """Good lines and what they mean. It is bounded, and what is asked for often stays."""

    __slots__ = ("_older",)

    def __init__(self) -> None:
        super().__init__()
        self._older: dict[bytes, _Known] = {}

    def __missing__(self, line: bytes) -> _Known:
        known = self._older.get(line)
        if known is None:
            name, value = read_line(line)
            known = (name, value), (name.lower(), value)
        if len(line) <= LONGEST:
            if len(self) >= LINES:
                self._older = dict(self)
                self.clear()
            self[line] = known
        return known


_known = KnownLines()
_blocks: dict[bytes, tuple[Fields, Index]] = {}


def read_repeated(block: bytes) -> tuple[Fields, Index]:
    """As read_fields(), and while a block is remembered with the very same objects: they must not be changed."""
    found = _blocks.get(block)
    if found is None:
        found = read_fields(block)
        if len(block) <= LARGEST:
            if len(_blocks) >= BLOCKS:
                _blocks.clear()
            _blocks[block] = found
    return found


def read_fields(block: bytes) -> tuple[Fields, Index]:
    """The fields of a block that ends with an empty line, and their index; Refused where the grammar doesn't hold."""
    if not block.endswith(b"\r\n\r\n"):
        if block == b"\r\n":
            return (), {}
        raise Refused(400, "malformed-field")
    pairs = list(map(_known.__getitem__, block[:-4].split(b"\r\n")))
    fields = tuple([pair[0] for pair in pairs])
    index = dict([pair[1] for pair in pairs])
    return fields, index if len(index) == len(fields) else index_fields(fields)
