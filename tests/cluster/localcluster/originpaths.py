"""What the test origin answers, by path. Pure: a request and what is stored in, an answer out.

    /cache/ANY?ttl=N     Cache-Control: max-age=N (60), an ETag and a body that depend on the path; 304 for its ETag.
                         POST, PUT, PATCH or DELETE makes a new version of it.
    /private/ANY         no-store
    /size/N              N bytes; ?chunked=1 sends them chunked; cacheable like /cache
    /slow/MS/ANY         like /cache/ANY, after MS milliseconds
    /status/CODE         that status, no-store
    /echo                any method: JSON with method, target, headers, length and SHA-256 of the body
    /short/N             declares N bytes, sends half of them and closes

Every path takes ?cc=VALUE for its Cache-Control and any number of ?h=NAME:VALUE for headers of its response.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import parse_qs, unquote, urlsplit

Headers = tuple[tuple[str, str], ...]
CHANGES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
LARGEST = 1 << 30


@dataclass(frozen=True, slots=True)
class Request:
    """A request whose body has been read: its length in bytes and its SHA-256 remain."""

    method: str
    target: str
    headers: Headers
    length: int = 0
    sha256: str = hashlib.sha256().hexdigest()

    def header(self, name: str) -> str | None:
        """All values of a header, joined by commas (RFC 9110, 5.3); None if there is none."""
        values = [value for key, value in self.headers if key.lower() == name]
        return ", ".join(values) if values else None


@dataclass(frozen=True, slots=True)
class Answer:
    """A response: `pattern` repeated to `length` bytes, of which `sent` leave before the connection is closed."""

    status: int
    headers: Headers = ()
    pattern: bytes = b""
    length: int = 0
    chunked: bool = False
    wait: float = 0.0
    sent: int | None = None


@dataclass(frozen=True, slots=True)
class _Asked:
    request: Request
    path: str
    rest: str
    query: Mapping[str, list[str]]
    versions: Mapping[str, int]

    def first(self, name: str, default: str) -> str:
        return self.query.get(name, [default])[0]


def answer(request: Request, versions: Mapping[str, int]) -> Answer:
    """What the origin says to `request`, where `versions` counts how often a path was changed. 400 or 404 with a reason
    if the path makes no sense; HEAD keeps the length of GET and sends nothing (RFC 9110, 9.3.2)."""
    parts = urlsplit(request.target)
    head, _, rest = parts.path.lstrip("/").partition("/")
    asked = _Asked(request, parts.path, rest, parse_qs(parts.query, keep_blank_values=True), versions)
    found = PATHS.get(head)
    if found is None:
        return _text(404, f"no such path; there are {', '.join(f'/{p}' for p in PATHS)}\n")
    try:
        said = found(asked)
    except ValueError as error:
        return _text(400, f"{error}\n")
    if "cc" in asked.query:
        kept = tuple(h for h in said.headers if h[0] != "Cache-Control")
        said = replace(said, headers=(*kept, ("Cache-Control", asked.first("cc", ""))))
    extra = tuple(_named_header(h) for h in asked.query.get("h", []))
    return replace(said, headers=said.headers + extra)


def _named_header(text: str) -> tuple[str, str]:
    name, _, value = unquote(text).partition(":")
    return name.strip(), value.strip()


def _text(status: int, text: str, *headers: tuple[str, str]) -> Answer:
    body = text.encode()
    return Answer(status, (("Content-Type", "text/plain; charset=utf-8"), *headers), body, len(body))


def _cache(asked: _Asked) -> Answer:
    version = asked.versions.get(asked.path, 0)
    if asked.request.method in CHANGES:
        return _text(200, f"{asked.path} is now at version {version}\n")
    body = f"{asked.request.target} version {version}\n".encode()
    return _stored(asked, body, len(body))


def _stored(asked: _Asked, pattern: bytes, length: int, chunked: bool = False) -> Answer:
    version = asked.versions.get(asked.path, 0)
    etag = '"' + hashlib.sha256(f"{asked.request.target} {version}".encode()).hexdigest()[:16] + '"'
    headers = (("Cache-Control", f"max-age={int(asked.first('ttl', '60'))}"), ("ETag", etag))
    if _matches(asked.request.header("if-none-match"), etag):
        return Answer(304, headers)
    return Answer(200, (("Content-Type", "text/plain; charset=utf-8"), *headers), pattern, length, chunked)


def _matches(condition: str | None, etag: str) -> bool:
    """Whether If-None-Match names this entity tag, compared weakly (RFC 9110, 13.1.2)."""
    if condition is None:
        return False
    return condition.strip() == "*" or etag in (tag.strip().removeprefix("W/") for tag in condition.split(","))


def _private(asked: _Asked) -> Answer:
    return _text(200, f"{asked.request.target} is private\n", ("Cache-Control", "private, no-store"))


def _size(asked: _Asked) -> Answer:
    size = _number(asked.rest, "size")
    return _stored(asked, b"0123456789abcdef" * 4096, size, chunked=asked.first("chunked", "0") == "1")


def _slow(asked: _Asked) -> Answer:
    wait, _, _ = asked.rest.partition("/")
    return replace(_cache(asked), wait=_number(wait, "milliseconds") / 1000)


def _status(asked: _Asked) -> Answer:
    code = _number(asked.rest, "status")
    if not 200 <= code <= 599:
        raise ValueError(f"status {code} is not between 200 and 599")
    return _text(code, f"status {code}\n", ("Cache-Control", "no-store"))


def _echo(asked: _Asked) -> Answer:
    request = asked.request
    seen = {
        "method": request.method,
        "target": request.target,
        "headers": [list(h) for h in request.headers],
        "length": request.length,
        "sha256": request.sha256,
    }
    body = json.dumps(seen).encode() + b"\n"
    return Answer(200, (("Content-Type", "application/json"), ("Cache-Control", "no-store")), body, len(body))


def _short(asked: _Asked) -> Answer:
    size = _number(asked.rest, "size")
    return replace(_stored(asked, b"short ", size), sent=size // 2)


def _number(text: str, what: str) -> int:
    if not text.isdecimal() or int(text) > LARGEST:
        raise ValueError(f"{what} {text!r} is not a number up to {LARGEST}")
    return int(text)


PATHS: dict[str, Callable[[_Asked], Answer]] = {
    "cache": _cache,
    "private": _private,
    "size": _size,
    "slow": _slow,
    "status": _status,
    "echo": _echo,
    "short": _short,
}
