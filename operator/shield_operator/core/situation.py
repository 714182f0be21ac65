"""How a zone is served at this moment: per data centre the pods there are, and whether they know the zone."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from shield_operator.core import acknowledged, naming
from shield_operator.core.layout import Layout
from shield_operator.core.uppers import Upper
from shield_operator.core.world import World
from shield_proxy.config.contract import Tier
from shield_proxy.config.state import Zone


@dataclass(frozen=True, slots=True)
class Crew:
    """The pods of one tier in one data centre that a zone depends on."""

    tier: Tier
    data_center: str
    desired: int
    ready: int
    knows: bool
    """A Ready pod holds the zone's newest generation."""
    needed: bool
    """Without it the zone is not ready; else its loss only degrades."""

    @property
    def where(self) -> str:
        """For people."""
        return f"{self.tier} tier in {self.data_center}"


@dataclass(frozen=True, slots=True)
class Situation:
    """All that a zone's status is made from, beside the zone itself."""

    part: Zone | None
    """As it is in the state that this plan writes."""
    uppers: tuple[Upper, ...]
    crews: tuple[Crew, ...]

    @property
    def unassigned(self) -> tuple[str, ...]:
        """Backends without an upper tier."""
        assigned = {upper.backend for upper in self.uppers}
        return tuple(origin.name for origin in self.part.origins if origin.name not in assigned) if self.part else ()

    @property
    def dark(self) -> bool:
        """Whether no client can be served anywhere."""
        return not any(crew.ready for crew in self.crews if crew.tier is Tier.LOWER)

    @property
    def missing(self) -> tuple[Crew, ...]:
        """Crews without a Ready pod that the zone can't be ready without."""
        return tuple(crew for crew in self.crews if crew.needed and crew.ready == 0)

    @property
    def unaware(self) -> tuple[Crew, ...]:
        """Needed crews none of whose Ready pods holds the zone's newest generation."""
        return tuple(crew for crew in self.crews if crew.needed and not crew.knows)

    @property
    def thinned(self) -> tuple[Crew, ...]:
        """Crews with fewer Ready pods than wanted."""
        return tuple(crew for crew in self.crews if crew.ready < crew.desired)


def look(
    part: Zone | None, uppers: tuple[Upper, ...], keys: Collection[str], layout: Layout, world: World
) -> Situation:
    """The situation of a zone that the data centres `keys` serve. Needed are the lower tier of
    every data centre with a usable node, and the upper tiers that are first in use."""
    ready = _ready_by_name(world)
    first = {upper.order[0] for upper in uppers if upper.order}
    crews = []
    for tier, place in layout.tiers():
        mine = place.key in keys if tier is Tier.LOWER else any(place.key in upper.needed for upper in uppers)
        if not mine:
            continue
        crews.append(
            Crew(
                tier=tier,
                data_center=place.key,
                desired=layout.replicas(tier, place.key),
                ready=ready.get(naming.tier(world.key.name, tier, place.key), 0),
                knows=part is not None and acknowledged.any_holds(world, tier, place.key, part.generation),
                needed=place.usable if tier is Tier.LOWER else place.key in first,
            )
        )
    return Situation(part, uppers, tuple(crews))


def _ready_by_name(world: World) -> Mapping[str, int]:
    return {workload.name: min(workload.ready, max(workload.replicas, 0)) for workload in world.workloads}
