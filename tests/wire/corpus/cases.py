"""What an entry of the corpus is: bytes, and what must become of them."""

from dataclasses import dataclass

HOST = b"shop.example"


@dataclass(frozen=True, slots=True)
class No:
    """Answered with `status` and closed; nothing that follows on the connection is answered.

    With `begun` the fault is in the body, so the origin may have got the beginning of one request, never the whole.
    """

    status: int
    begun: bool = False


@dataclass(frozen=True, slots=True)
class Yes:
    """Reaches the origin with exactly this meaning, once; `fields` are all end-to-end fields but Host and ours."""

    method: bytes = b"GET"
    target: bytes = b"/x"
    body: bytes = b""
    fields: tuple[tuple[bytes, bytes], ...] = ()
    host: bytes = HOST
    closes: bool = False


@dataclass(frozen=True, slots=True)
class Own:
    """Answered by the proxy itself with `status`; the origin sees nothing of it."""

    status: int
    closes: bool = False


@dataclass(frozen=True, slots=True)
class Case:
    """One entry."""

    name: str
    verdict: No | Yes | Own
    raw: bytes
    hop: bool = True
    """The same holds on a hop port."""

    def __str__(self) -> str:
        return self.name


def no(name: str, status: int, raw: bytes, *, begun: bool = False, hop: bool = True) -> Case:
    """An entry that is refused."""
    return Case(name, No(status, begun), raw, hop)


def get(*lines: bytes, body: bytes = b"") -> bytes:
    """A GET of /x at the corpus' host with these field lines."""
    return request(b"GET /x HTTP/1.1", b"Host: " + HOST, *lines, body=body)


def post(*lines: bytes, body: bytes = b"") -> bytes:
    """A POST to /x at the corpus' host with these field lines, and bytes after the head."""
    return request(b"POST /x HTTP/1.1", b"Host: " + HOST, *lines, body=body)


def request(*lines: bytes, body: bytes = b"") -> bytes:
    """Lines and the empty one, then `body`."""
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def chunked(body: bytes) -> bytes:
    """A chunked POST whose body, chunk lines included, is `body`."""
    return post(b"Transfer-Encoding: chunked", body=body)
