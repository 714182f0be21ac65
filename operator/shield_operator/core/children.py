"""The part of a plan that is about objects: what to apply, what must stay, which Secrets to make."""

from collections.abc import Mapping, Sequence

from shield_operator.core import naming
from shield_operator.core.decision import Decision
from shield_operator.core.edges import edges
from shield_operator.core.layout import Layout
from shield_operator.core.objects import fleet as objects
from shield_operator.core.objects.common import Object
from shield_operator.core.plan import Secrets
from shield_operator.core.situation import Situation
from shield_operator.core.world import World, ZoneObject
from shield_proxy.config.contract import Tier

Kept = frozenset[tuple[str, str]]


def children(
    zones: Sequence[ZoneObject], decided: Decision, situations: Mapping[str, Situation], world: World
) -> tuple[tuple[Object, ...], Kept]:
    """The objects to apply, in order, and (kind, name) of all that must stay, applied or not."""
    layout, rollout = decided.layout, decided.rollout
    clients = edges([zone for zone in zones if not zone.leaving], decided, situations, world)
    budgets = [] if rollout.frozen else objects.budgets(layout)
    apply = (*objects.basis(layout), *clients, *budgets, *rollout.apply)
    keep = {(obj["kind"], obj["metadata"]["name"]) for obj in apply}
    keep |= {("Deployment", name) for name in rollout.held}
    keep |= {("Service", naming.edge(zone.name)) for zone in zones}
    keep |= {("ConfigMap", name) for name in naming.record_chunks(layout.key.name)}
    made = secrets(layout)
    keep |= {("Secret", name) for name in (*made.certificates.values(), made.redis) if name is not None}
    if rollout.frozen:
        keep |= _whatever_runs(layout)
    return apply, frozenset(keep)


def secrets(layout: Layout) -> Secrets:
    """The Secrets that the fleet's pods mount."""
    fleet = layout.key.name
    managed = any(layout.manages_redis(key) for key in layout.places)
    return Secrets(
        certificates={str(tier): naming.certificate_secret(fleet, tier) for tier in (Tier.LOWER, Tier.UPPER)},
        redis=naming.redis_secret(fleet) if managed else None,
        owners=layout.owners,
        labels=naming.fleet_labels(fleet, "state"),
    )


def _whatever_runs(layout: Layout) -> set[tuple[str, str]]:
    """Everything of the present data centres that the ShieldFleet may have asked for when it was still valid."""
    fleet = layout.key.name
    tiers = [naming.tier(fleet, tier, place.key) for tier, place in layout.tiers()]
    stores = [naming.redis(fleet, key) for key in layout.places]
    kept = {("PodDisruptionBudget", name) for name in tiers}
    kept |= {(kind, name) for name in stores for kind in ("Deployment", "Service", "NetworkPolicy")}
    return kept | {("Secret", naming.redis_secret(fleet))}
