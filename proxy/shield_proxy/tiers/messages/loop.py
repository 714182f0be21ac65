"""Requests that come back: CDN-Loop (RFC 8586). Pure."""

from functools import lru_cache
from hashlib import sha256

from shield_proxy.wire.http.message import list_members

TOKEN = b"smartshield"
MOST_HOPS = 8
"""Hops of one pass through the tiers: two pods in each of three tiers, and some to spare."""


@lru_cache(maxsize=4096)
def loop_member(zone_uid: str) -> bytes:
    """What a hop of a zone adds to CDN-Loop. One zone in front of another is no loop, so the zone is named."""
    return b"%s; zone=%s" % (TOKEN, sha256(zone_uid.encode()).hexdigest()[:12].encode())


def loops(cdn_loop: bytes | None, zone_uid: str, *, from_hop: bool) -> bool:
    """Whether the request has been here: at a client port once is too often, between hops more than MOST_HOPS."""
    if cdn_loop is None:
        return False
    own = loop_member(zone_uid).replace(b" ", b"")
    passed = sum(member.replace(b" ", b"") == own for member in list_members(cdn_loop))
    return passed > (MOST_HOPS if from_hop else 0)
