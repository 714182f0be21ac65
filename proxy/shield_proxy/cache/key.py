"""The cache key: what makes two requests ask for the same thing."""

from shield_proxy.wire.fast.plain import UNSAID
from shield_proxy.wire.http.message import Index, RequestHead

_UNSAID = frozenset(UNSAID)


def cache_key(zone_uid: str, scheme: bytes, authority: bytes, target: bytes, index: Index) -> bytes:
    """The canonical key. It begins with the zone's UID, so that zones never share; no part can run into the next."""
    key = b"%s\n%s\n%s\n%s" % (zone_uid.encode(), scheme, authority, target)
    if not _UNSAID.isdisjoint(index):
        for name in UNSAID:
            if name in index:
                key += b"\n%s:%s" % (name, index[name])
    if (said := index.get(b"x-forwarded-host", authority)) != authority:  # by a trusted proxy
        key += b"\nx-forwarded-host:%s" % said
    return key


def target_key(zone_uid: str, scheme: bytes, authority: bytes, target: bytes) -> bytes:
    """The key of a target URI asked plainly: what unsafe methods invalidate (RFC 9111, 4.4)."""
    return cache_key(zone_uid, scheme, authority, target, {})


def may_be_cached(head: RequestHead) -> bool:
    """Whether the request is one that stored responses can answer at all."""
    return head.method in (b"GET", b"HEAD")
