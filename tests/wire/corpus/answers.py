"""What an entry of the corpus of responses is: bytes of an origin, and what a client must get."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bad:
    """The client is told 520: nothing of it was understood. The origin's connection ends."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A client never gets it as a whole response: it is cut, or told 520. The origin's connection ends."""


@dataclass(frozen=True, slots=True)
class Good:
    """The client gets exactly this; `reused` where the origin's connection takes another request afterwards."""

    body: bytes = b""
    status: int = 200
    present: tuple[tuple[str, str], ...] = ()
    absent: tuple[str, ...] = ()
    interim: int = 0
    reused: bool = True


@dataclass(frozen=True, slots=True)
class Answer:
    """One entry."""

    name: str
    verdict: Bad | Cut | Good
    raw: bytes
    closes: bool = False
    """The origin closes after the last byte."""
    method: str = "GET"

    def __str__(self) -> str:
        return self.name


FRESH = b"Cache-Control: max-age=60"
"""What must not be stored would be, if it were taken for whole."""


def head(*lines: bytes, first: bytes = b"HTTP/1.1 200 OK") -> bytes:
    """A response's head with these field lines."""
    return b"\r\n".join((first, *lines)) + b"\r\n\r\n"


def bad(name: str, raw: bytes, *, closes: bool = False) -> Answer:
    """An entry that is not understood."""
    return Answer(name, Bad(), raw, closes)


def cut(name: str, raw: bytes, *, closes: bool = False) -> Answer:
    """An entry that breaks off amid its body."""
    return Answer(name, Cut(), raw, closes)


def good(
    name: str, meaning: Good, *lines: bytes, body: bytes = b"", closes: bool = False, method: str = "GET"
) -> Answer:
    """An entry that has one meaning; it is not to be stored, so that the origin is asked each time."""
    return Answer(name, meaning, head(*lines, b"Cache-Control: no-store") + body, closes, method)
