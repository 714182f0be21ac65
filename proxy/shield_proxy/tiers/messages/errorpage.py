"""How an error of the shield's own looks: a page for people, JSON for programs. Pure."""

import html
import json
import re
from http import HTTPStatus

from shield_proxy.config.contract import HEADER_REQUEST_ID
from shield_proxy.tiers.messages.errors import retry_after
from shield_proxy.tiers.messages.marks import Place, marked_lines

PHRASES = {
    508: "Loop Detected",
    520: "Origin Error",
    521: "Origin Down",
    522: "Origin Connect Timeout",
    523: "Origin Unreachable",
    524: "Origin Timeout",
    525: "Origin TLS Failed",
    530: "Origin Unresolved",
}
METHODS = b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
_QUALITY = re.compile(rb"(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)")
_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{code} {phrase}</title></head>
<body><h1>{code} {phrase}</h1><p>{reason}</p><p><small>Request {id}</small></p></body>
</html>
"""


def phrase(status: int) -> str:
    """The reason phrase of a status."""
    known = PHRASES.get(status)
    try:
        return known or HTTPStatus(status).phrase
    except ValueError:
        return ""


def quality(accept: bytes, media_type: bytes) -> float:
    """How welcome a media type is by an Accept field: 0 to 1, by its most specific range (RFC 9110, 12.5.1)."""
    ranges = {media_type: 3, media_type.partition(b"/")[0] + b"/*": 2, b"*/*": 1}
    found, rank = 0.0, 0
    for member in accept.lower().split(b","):
        name, *parameters = (part.strip(b" \t") for part in member.split(b";"))
        if ranges.get(name, 0) > rank:
            weights = [text[2:] for text in parameters if text[:2] == b"q="]
            if weights and _QUALITY.fullmatch(weights[0]) is None:
                continue
            found, rank = float(weights[0]) if weights else 1.0, ranges[name]
    return found


def prefers_html(accept: bytes) -> bool:
    """Whether a page is more welcome than JSON. Browsers name text/html; who takes anything is a program."""
    return quality(accept, b"text/html") > quality(accept, b"application/json")


def error_answer(
    status: int, reason: str, place: Place, *, accept: bytes = b"", request_id: bytes = b""
) -> tuple[bytes, bytes]:
    """Head lines without framing, and the body. `request_id` is hex digits: what the access log calls `id`."""
    shown = request_id.decode("ascii")
    if prefers_html(accept):
        kind = b"text/html; charset=utf-8"
        said = html.escape(reason)
        body = _PAGE.format(
            code=status, phrase=html.escape(phrase(status)), reason=said, id=html.escape(shown)
        ).encode()
    else:
        kind = b"application/json"
        body = json.dumps({"code": status, "reason": reason, "id": shown, "by": "smart-shield"}).encode() + b"\n"
    fields: list[tuple[bytes, bytes]] = [(b"Content-Type", kind), (b"Cache-Control", b"no-store")]
    if (seconds := retry_after(status, reason)) is not None:
        fields.append((b"Retry-After", b"%d" % seconds))
    if status == 405:
        fields.append((b"Allow", METHODS))
    if request_id:
        fields.append((HEADER_REQUEST_ID.encode(), request_id))
    detail = b"detail=%s" % reason.encode()
    return marked_lines(status, phrase(status).encode(), tuple(fields), place, "NONE", detail), body
