"""Where the requests of a zone go on to: worked out once for each snapshot and origin."""

from dataclasses import dataclass

from shield_proxy.config.contract import Tier
from shield_proxy.tiers.fetching.origins import origin_endpoint
from shield_proxy.tiers.routing.nexthop import AskOrigin, NextHop, next_hop
from shield_proxy.tiers.routing.snapshot import Routed, Snapshot
from shield_proxy.wire.upstream.pool import Endpoint


@dataclass(frozen=True, slots=True)
class Way:
    """The next hop, and what is said to the origin if it is that."""

    hop: NextHop
    endpoint: Endpoint | None
    """Of the origin, where it is the next hop."""
    host: bytes | None
    """The Host it is sent; None: the client's."""


class Ways:
    """The ways of one pod under the snapshot that was asked for last."""

    __slots__ = ("_data_center", "_known", "_snapshot", "_tier")

    def __init__(self, tier: Tier, data_center: str) -> None:
        self._tier, self._data_center = tier, data_center
        self._snapshot: Snapshot | None = None
        self._known: dict[Routed, Way] = {}

    def of(self, snapshot: Snapshot, routed: Routed) -> Way:
        """The way of a request."""
        if snapshot is not self._snapshot:
            self._snapshot = snapshot
            self._known = {}
        way = self._known.get(routed)
        if way is None:
            hop = next_hop(snapshot, self._tier, self._data_center, routed)
            origin = routed.origin
            host = origin.host_header.encode() if origin.host_header is not None else None
            way = Way(hop, origin_endpoint(origin) if isinstance(hop, AskOrigin) else None, host)
            self._known[routed] = way
        return way
