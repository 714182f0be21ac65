"""Which pods hold which generation of the zone state, as their reports say."""

from collections.abc import Iterable

from shield_operator.core.world import Pod, World


def ready_pods(world: World, tier: str, data_center: str) -> tuple[Pod, ...]:
    """Pods of the tier there that take requests."""
    return tuple(
        pod
        for pod in world.pods
        if pod.ready and not pod.deleting and pod.tier == tier and pod.data_center == data_center
    )


def holds(world: World, pod: Pod, generation: int) -> bool:
    """Whether the pod said that it uses the generation or a later one."""
    report = world.reports.get(pod.name)
    return report is not None and report.acknowledgement.generation >= generation


def any_holds(world: World, tier: str, data_center: str, generation: int) -> bool:
    """Whether at least one Ready pod of the tier there uses the generation."""
    return any(holds(world, pod, generation) for pod in ready_pods(world, tier, data_center))


def all_hold(world: World, pods: Iterable[Pod], generation: int) -> bool:
    """Whether each of the pods uses the generation."""
    return all(holds(world, pod, generation) for pod in pods)


def highest(world: World) -> int:
    """The highest generation any pod reports."""
    return max((report.acknowledgement.generation for report in world.reports.values()), default=0)


def lowest_schema(world: World) -> int | None:
    """The newest schema that all pods which answered read; None where none did."""
    return min((report.acknowledgement.schema for report in world.reports.values()), default=None)
