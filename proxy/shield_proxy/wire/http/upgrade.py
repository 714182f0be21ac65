"""Which protocols a connection may change to (RFC 9110, 7.8). Pure.

Only what a client and an origin agree on with 101 becomes a tunnel. Other versions of HTTP are never offered to an
origin: requests inside such a tunnel would pass every check by unseen.
"""

import re

from shield_proxy.wire.http.message import NoBody, RequestHead, ResponseHead, list_members

_PROTOCOL = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+(?:/[!#$%&'*+\-.^_`|~0-9A-Za-z]+)?")
_NEVER = re.compile(rb"(?:h2c?|http|tls)(?:/.*)?", re.IGNORECASE)
MOST = 4
"""Protocols of one offer."""


def offered(head: RequestHead) -> bytes:
    """The protocols a request offers to change to, as the next hop may see them; b"" where it is an ordinary request.

    A request of HTTP/1.0, or one with a body, is an ordinary one: a server may always ignore an offer, and after a
    body nobody could tell where the new protocol begins.
    """
    value = head.index.get(b"upgrade")
    if value is None or head.minor == 0 or not isinstance(head.framing, NoBody):
        return b""
    if b"upgrade" not in list_members(head.index.get(b"connection")):
        return b""
    members = [member.strip(b" \t") for member in value.split(b",")]
    kept = [member for member in members if _PROTOCOL.fullmatch(member) and not _NEVER.fullmatch(member)]
    return b", ".join(kept[:MOST])


def accepted(head: ResponseHead, offer: bytes) -> bytes | None:
    """The protocol a 101 changes to; None where it is none of those offered, or no proper 101."""
    protocol = head.index.get(b"upgrade", b"")
    named = protocol.lower()
    proper = b"upgrade" in list_members(head.index.get(b"connection")) and b"," not in named
    return protocol if proper and named in list_members(offer) else None
