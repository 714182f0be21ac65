"""When a fleet is looked at again although nothing was heard of it: soon while the plan itself has something going,
more seldom while it waits for what does not come."""

from collections.abc import Mapping

from shield_operator.core.decision import Decision
from shield_operator.core.status import GRACE_SECONDS
from shield_operator.core.world import World

SOON_SECONDS = 1.0
"""While something is under way."""
PENDING_SECONDS = 5.0
"""While something is waited for that a watch will tell of."""
IDLE_SECONDS = 10.0
LATE_SECONDS = 15.0
"""While something is waited for that has not come for PATIENCE_SECONDS."""
PATIENCE_SECONDS = 60.0


def pace(decided: Decision, unaware: Mapping[str, float], guests: bool, world: World) -> float:
    """Seconds until the next look. `unaware`: see Memory.unacknowledged_since; `guests`: it serves zones that leave."""
    if not world.nodes:
        return PENDING_SECONDS
    memory = decided.assigned.memory
    watching = memory.challenges or memory.unmeasured_since or memory.runner_up_challenges
    travelling = any(world.now - since < GRACE_SECONDS for since in unaware.values())
    if _changed(decided, world) or watching or travelling:
        return SOON_SECONDS
    if not _busy(decided, unaware):
        return PENDING_SECONDS if guests else IDLE_SECONDS
    since = world.memory.busy_since
    if since is not None and world.now - since >= PATIENCE_SECONDS:
        return LATE_SECONDS
    return SOON_SECONDS if decided.assigned.moving() else PENDING_SECONDS


def busy_since(decided: Decision, unaware: Mapping[str, float], world: World) -> float | None:
    """What the next plan shall remember of the waiting: it begins anew with every change of the zone state."""
    if not _busy(decided, unaware):
        return None
    since = world.memory.busy_since
    return world.now if since is None or _changed(decided, world) else since


def _busy(decided: Decision, unaware: Mapping[str, float]) -> bool:
    rollout = decided.rollout
    return bool(unaware or rollout.active or rollout.unsettled or decided.assigned.moving())


def _changed(decided: Decision, world: World) -> bool:
    return world.record is None or world.record.state != decided.state
