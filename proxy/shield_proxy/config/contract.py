"""Ports, paths, header names and environment that the operator writes and a proxy reads."""

from enum import StrEnum


class Tier(StrEnum):
    """A level of the hierarchy; requests travel down this list, towards the origin."""

    LOWER = "lower"
    REGIONAL = "regional"
    UPPER = "upper"


NEXT_TIER: dict[Tier, Tier | None] = {Tier.LOWER: Tier.REGIONAL, Tier.REGIONAL: Tier.UPPER, Tier.UPPER: None}
"""Whom a tier asks after a miss; None is the origin. A tier without a service in the zone state is skipped."""

CLIENT_PORT = 8080
"""Plain HTTP of clients; only lower tiers listen on it."""
CLIENT_TLS_PORT = 8443
"""TLS of clients, by SNI; only lower tiers listen on it."""
HOP_PORT = 8444
"""Mutual TLS, proxied requests of other pods of the fleet only."""
INTERNAL_PORT = 8445
"""Mutual TLS, /internal/* only: the operator, and peers for /internal/state."""
HEALTH_PORT = 8081
"""Plain, nothing secret: /livez, /readyz, /metrics."""

STATE_PATH = "/internal/state"
"""GET: the record's bytes. PUT: a record; answers an Acknowledgement, 409 when it is older, 422 when unreadable."""
HEADER_READY = "Shield-Ready"
"""On a record that was got: `1` when the pod that answered is ready, so that its record confirms another's."""
STATUS_PATH = "/internal/status"
"""GET: the Acknowledgement."""
LATENCY_PATH = "/internal/latency"
"""GET: LatencyReport."""

STATE_DIR = "/etc/smart-shield/state"
"""Where the record's chunks are mounted, as files chunk-0, chunk-1, ..."""
TLS_DIR = "/etc/smart-shield/tls"
"""tls.crt, tls.key, ca.crt (a bundle: during a rotation the old and the new CA)."""
CERTIFICATES_DIR = "/etc/smart-shield/certificates"
"""SECRET/tls.crt and SECRET/tls.key of zones (lower tiers); a folder is missing while its Secret does not exist."""
ORIGIN_TLS_DIR = "/etc/smart-shield/origin-tls"
"""SECRET/tls.crt and SECRET/tls.key shown to origins (upper tiers)."""
REDIS_DIR = "/etc/smart-shield/redis"
"""password"""

HEADER_STATUS = "Shield-Cache-Status"
"""To clients, of the tier that faces them: HIT, MISS, EXPIRED, STALE, UPDATING, REVALIDATED, BYPASS, DYNAMIC, NONE."""
HEADER_FORWARDED = "Shield-Forwarded"
"""Between pods of one tier and data centre: the key's owner was asked, it must not forward again."""
HEADER_BUDGET = "Shield-Budget"
"""Between hops: milliseconds that remain for this request."""
HEADER_GENERATION = "Shield-Generation"
"""Between hops: the generation of the caller's zone state."""
HEADER_SCHEME = "Shield-Scheme"
"""Between hops: the scheme the client used; part of the cache key."""
HEADER_REQUEST_ID = "Shield-Request-Id"
"""Between hops: the request's id (hex digits), under which all tiers log it; to clients, of errors of our own."""
PRIVATE_HEADERS = (HEADER_FORWARDED, HEADER_BUDGET, HEADER_GENERATION, HEADER_SCHEME)
"""Removed from what clients send and from what clients get."""
