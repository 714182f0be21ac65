"""All desired objects of a fleet, in the order they are applied."""

from collections.abc import Iterable

from shield_operator.core.layout import Layout
from shield_operator.core.objects import guards, proxies, redis, services
from shield_operator.core.objects.common import Object
from shield_operator.core.places import Place


def basis(layout: Layout) -> list[Object]:
    """What pods need before they start, and nothing a ShieldFleet changes."""
    out = [guards.service_account(layout)]
    if layout.installation.network_policies:
        out.append(guards.proxies_policy(layout))
        out += [guards.redis_policy(layout, place) for place in _with_redis(layout)]
    out += [redis.service(layout, place) for place in _with_redis(layout)]
    out += [services.headless(layout, tier, place) for tier, place in layout.tiers()]
    return out


def budgets(layout: Layout) -> list[Object]:
    """The disruption budgets of tiers with more than one pod."""
    found = (guards.disruption_budget(layout, tier, place) for tier, place in layout.tiers())
    return [budget for budget in found if budget is not None]


def deployments(layout: Layout) -> list[Object]:
    """Every Deployment: of each data centre Redis, lower, upper."""
    out = [redis.deployment(layout, place) for place in _with_redis(layout)]
    return out + [proxies.deployment(layout, tier, place) for tier, place in layout.tiers()]


def _with_redis(layout: Layout) -> Iterable[Place]:
    return (place for place in layout.places.values() if layout.manages_redis(place.key))
