"""Who is asked after a miss: a row of a table, then an ordered list of data centres. Pure."""

from dataclasses import dataclass

from shield_proxy.config.contract import NEXT_TIER, Tier
from shield_proxy.config.state import Origin
from shield_proxy.tiers.routing.ring import ring_order
from shield_proxy.tiers.routing.snapshot import Routed, Snapshot


@dataclass(frozen=True, slots=True)
class AskTier:
    """Pods of a tier: data centres in the order of use, each with the names of its Service."""

    tier: Tier
    services: tuple[tuple[str, str], ...]
    """(data centre key, names as the state gives them)."""


@dataclass(frozen=True, slots=True)
class AskOrigin:
    """The origin itself."""

    origin: Origin


@dataclass(frozen=True, slots=True)
class Nobody:
    """There is a next tier, but none of its data centres can be used for this backend; or the origin is not to be
    asked. Tiers before the last ask on all the same, for those may have stored what the origin would say."""

    reason: str


NextHop = AskTier | AskOrigin | Nobody


def next_hop(snapshot: Snapshot, tier: Tier, data_center: str, routed: Routed) -> NextHop:
    """Whom a pod of `tier` in `data_center` asks; tiers without a Service are skipped."""
    following = NEXT_TIER[tier]
    while following is not None:
        services = CANDIDATES[following](snapshot, data_center, routed)
        if isinstance(services, Nobody):
            return services
        if services:
            return AskTier(following, services)
        following = NEXT_TIER[following]
    return Nobody("origin-unhealthy") if routed.refused else AskOrigin(routed.origin)


def _regional(snapshot: Snapshot, data_center: str, _: Routed) -> tuple[tuple[str, str], ...]:
    """The hub of the own location."""
    region = data_center.partition("/")[0]
    return tuple(
        (dc.key, dc.services[Tier.REGIONAL])
        for dc in snapshot.state.data_centers
        if dc.region == region and Tier.REGIONAL in dc.services
    )


def _upper(snapshot: Snapshot, _: str, routed: Routed) -> tuple[tuple[str, str], ...] | Nobody:
    """The data centres assigned to the backend; before it was measured all uppers, in an order all pods agree on.

    Without any upper tier there is nobody to ask: the origin is never asked from everywhere. Only a process that is
    alone, in a state without any Service, asks the origin itself.
    """
    having = {dc.key: dc.services[Tier.UPPER] for dc in snapshot.state.data_centers if Tier.UPPER in dc.services}
    assigned = routed.zone.uppers.get(routed.origin.name, ())
    if not having:
        alone = not assigned and not any(dc.services for dc in snapshot.state.data_centers)
        return () if alone else Nobody("no-upper-tier")
    if not assigned:
        key = f"{routed.zone.uid} {routed.origin.name}".encode()
        return tuple((dc, having[dc]) for dc, _ in ring_order(key, [(dc, 0) for dc in having]))
    usable = tuple((dc, having[dc]) for dc in assigned if dc in having)
    return usable or Nobody("no-upper-tier")


CANDIDATES = {Tier.REGIONAL: _regional, Tier.UPPER: _upper}


def admits(own: Tier, caller: str) -> bool:
    """Whether a pod of tier `caller` may ask one of `own`: its peers, and tiers before it."""
    order = tuple(Tier)
    return caller in order and order.index(Tier(caller)) <= order.index(own)
