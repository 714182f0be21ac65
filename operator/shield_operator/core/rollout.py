"""Which Deployments are applied now: a changed template takes its turn, everything else is applied at once.

One Deployment changes at a time, data centre after data centre: those without an upper tier first, then runners-up,
then those whose upper tier carries traffic; in each Redis, lower, upper. The next follows when the one before is
settled and its pods hold the record's generation, so a rollout that gets stuck stops where it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from shield_operator.core import acknowledged, naming
from shield_operator.core.layout import Layout
from shield_operator.core.objects.common import Object
from shield_operator.core.objects.proxies import template_hash
from shield_operator.core.world import Workload, World
from shield_proxy.config.contract import Tier

STAGES = (naming.REDIS, str(Tier.LOWER), str(Tier.UPPER))
STALLED_SECONDS = 300.0
"""A rollout that waits this long for one Deployment is called stalled."""


@dataclass(frozen=True, slots=True)
class Rollout:
    """What to apply of the Deployments, and what the rest waits for."""

    apply: tuple[Object, ...]
    held: tuple[str, ...] = ()
    """Names of Deployments whose changed template waits for its turn."""
    rolling: str | None = None
    """The Deployment whose turn it is."""
    unsettled: str | None = None
    """The first Deployment that is not as it should be, in a data centre that could run it."""
    message: str = ""
    frozen: bool = False
    """Nothing at all is applied: what is wanted can't be told."""

    @property
    def active(self) -> bool:
        """Whether a changed template is on its way."""
        return bool(self.held) or self.rolling is not None


def roll_out(deployments: Sequence[Object], layout: Layout, world: World) -> Rollout:
    """The turn of each Deployment."""
    observed = {workload.name: workload for workload in world.workloads}
    ordered = sorted(deployments, key=lambda obj: _turn(obj, layout))
    outdated = [
        obj for obj in ordered if _name(obj) in observed and observed[_name(obj)].template_hash != template_hash(obj)
    ]
    current = [obj for obj in ordered if obj not in outdated]
    apply = list(current)
    waits = [obj for obj in current if _hinders(obj, observed.get(_name(obj)), layout, world)]
    idle = [obj for obj in outdated if not layout.places[_data_center(obj)].usable]
    apply += idle
    queue = [obj for obj in outdated if obj not in idle]
    if waits:
        first = _name(waits[0])
        why = _why(waits[0], observed.get(first))
        held = tuple(_name(obj) for obj in queue)
        said = f"{len(held)} of {len(deployments)} Deployments wait for {why}" if held else f"waiting for {why}"
        return Rollout(tuple(apply), held, first if held else None, first, said)
    if not queue:
        return Rollout(tuple(apply))
    turn, held = _name(queue[0]), tuple(_name(obj) for obj in queue[1:])
    done = len(deployments) - len(queue)
    said = f"updating {turn} in {_data_center(queue[0])}; {done} of {len(deployments)} Deployments are up to date"
    return Rollout((*apply, queue[0]), held, turn, turn, said)


def hold_all(deployments: Sequence[Object], why: str) -> Rollout:
    """Nothing is applied."""
    return Rollout((), tuple(_name(obj) for obj in deployments), message=why, frozen=True)


def stalled(rollout: Rollout, waiting: tuple[str, float] | None, now: float) -> tuple[bool, tuple[str, float] | None]:
    """Whether the fleet has waited too long for one Deployment, and what to remember of the waiting."""
    if rollout.unsettled is None:
        return False, None
    if waiting is None or waiting[0] != rollout.unsettled:
        return False, (rollout.unsettled, now)
    return now - waiting[1] >= STALLED_SECONDS, waiting


def _hinders(obj: Object, workload: Workload | None, layout: Layout, world: World) -> bool:
    """Whether a Deployment with the right template is not yet there. A data centre without a usable node can't be
    waited for."""
    if not layout.places[_data_center(obj)].usable:
        return False
    return workload is None or not workload.settled or not _pods_know(obj, workload, world)


def _pods_know(obj: Object, workload: Workload, world: World) -> bool:
    """Whether enough Ready pods are of the newest template (a Deployment counts old ones as ready too), and all of
    them hold the record's generation."""
    if _stage(obj) == naming.REDIS:
        return True
    pods = acknowledged.ready_pods(world, _stage(obj), _data_center(obj))
    newest = [pod for pod in pods if pod.template_hash == template_hash(obj)]
    generation = world.record.generation if world.record is not None else 0
    return len(newest) >= workload.replicas and acknowledged.all_hold(world, newest, generation)


def _why(obj: Object, workload: Workload | None) -> str:
    where = f"{_name(obj)} in {_data_center(obj)}"
    if workload is None:
        return f"{where} to be created"
    if not workload.settled:
        return f"{where}: {min(workload.ready, workload.updated)} of {workload.replicas} pods are new and Ready"
    return f"the pods of {where} to be Ready and acknowledge the zone state"


def _turn(obj: Object, layout: Layout) -> tuple[int, str, int]:
    key = _data_center(obj)
    rank = 2 if key in layout.leading else 1 if key in layout.uppers else 0
    return rank, key, STAGES.index(_stage(obj))


def _name(obj: Object) -> str:
    name: str = obj["metadata"]["name"]
    return name


def _data_center(obj: Object) -> str:
    key: str = obj["metadata"]["annotations"][naming.ANNOTATION_DATA_CENTER]
    return key


def _stage(obj: Object) -> str:
    stage: str = obj["metadata"]["labels"][naming.LABEL_TIER]
    return stage
