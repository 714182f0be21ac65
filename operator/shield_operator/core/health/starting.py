"""Runs that begin at once: where nobody probes and nobody is about to, less and less often where none comes alive. And
what is remembered of all that from one plan to the next. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from shield_operator.core import naming
from shield_operator.core.happenings import WARNING
from shield_operator.core.health.probers import Prober, Roster
from shield_operator.core.health.world import ChecksMemory, ChecksWorld, Missed, ProberPod, Started
from shield_operator.core.plan import Happening

START_SECONDS = 60.0
"""After a Job was started, or a pod made, its Lease gets so long to come alive before another Job is started; twice as
long after each that did not."""
MOST_START_SECONDS = 600.0
STEADY_SECONDS = 120.0
"""Since its Job was started, after which a Lease that is alive shows that runs are well: tries begin anew."""
MISSED_SECONDS = 300.0
"""Between two Events that tell of missed slots of one prober."""
TROUBLED_SECONDS = 900.0
"""That a pod's failure is taken for the reason why nobody is heard, if there were others after it."""


def to_start(roster: Roster, world: ChecksWorld) -> tuple[str, ...]:
    """CronJobs of which a run must begin now, and not at their next turn: nobody probes, and nobody is about to."""
    out = []
    for prober in roster.silent:
        pods, before = pods_of(prober, world), world.memory.started.get(prober.name)
        lately = [before.at if before is not None else 0.0, *(pod.created for pod in pods)]
        if (
            roster.places[prober.data_center].usable
            and not any(pod.waiting for pod in pods)
            and world.now - max(lately) >= _patience(before)
        ):
            out.append(prober.name)
    return tuple(out)


def remembered(roster: Roster, starts: Sequence[str], world: ChecksWorld) -> ChecksMemory:
    """What the next plan is to know."""
    counting = {prober.name for prober in roster.probers if _counts(prober, roster, world)}
    kept = {name: started for name, started in world.memory.started.items() if name in counting}
    again = {name: Started(world.now, kept[name].tries + 1 if name in kept else 1) for name in starts}
    told = {each.name: each for each in (_told(prober, world) for prober in roster.probers) if each is not None}
    return ChecksMemory(
        started={**kept, **again},
        heard={prober.name: at for prober, at in roster.heard.items()},
        missed=told,
        services=roster.services,
    )


def missed_happenings(roster: Roster, world: ChecksWorld) -> list[Happening]:
    """What is to be said of slots that nobody probed since it was said last."""
    out = []
    for prober in roster.probers:
        before, after = world.memory.missed.get(prober.name), _told(prober, world)
        if before is None or after is None or after.count == before.count or prober.name not in world.cron_jobs:
            continue
        message = (
            f"{prober.data_center}: {after.count - before.count} probes of checks of shard {prober.shard} were not "
            f"made; {after.count} in all since its Lease was made"
        )
        uid = world.cron_jobs[prober.name]
        out.append(Happening("CronJob", prober.name, uid, WARNING, "ProbesMissed", message))
    return out


def missed_since(before: ChecksMemory, after: ChecksMemory) -> int:
    """Slots that were found to be missed between two plans."""
    return sum(
        each.count - before.missed[name].count
        for name, each in after.missed.items()
        if each.at and name in before.missed
    )


def troubles(roster: Roster, world: ChecksWorld) -> Mapping[Prober, str]:
    """Why runs of probers that are not heard don't begin, or end at once, where that is known."""
    found = ((prober, _trouble_of(prober, world)) for prober in roster.silent)
    return {prober: trouble for prober, trouble in found if trouble is not None}


def _trouble_of(prober: Prober, world: ChecksWorld) -> str | None:
    pods = pods_of(prober, world)
    newest = max((pod.created for pod in pods), default=0.0)
    for pod in sorted(pods, key=lambda pod: (-pod.created, pod.name)):
        if pod.trouble and (pod.created == newest or world.now - pod.created < TROUBLED_SECONDS):
            return pod.trouble
    started, lease = world.memory.started.get(prober.name), world.leases.get(prober.name)
    if pods or started is None or (lease is not None and lease.heard >= started.at):
        return None
    if world.now - started.at >= START_SECONDS / 2:
        return "PodsNotCreated: of a run that was started no pod was made; the Events of its Job say why"
    return None


def pods_of(prober: Prober, world: ChecksWorld) -> list[ProberPod]:
    """Pods of its runs, ended ones included."""
    label = naming.data_center_label(prober.data_center)
    return [pod for pod in world.pods if (pod.data_center, pod.shard) == (label, prober.shard)]


def _patience(before: Started | None) -> float:
    tries = before.tries if before is not None else 0
    return float(min(MOST_START_SECONDS, START_SECONDS * 2 ** min(max(0, tries - 1), 10)))


def _counts(prober: Prober, roster: Roster, world: ChecksWorld) -> bool:
    """Whether the tries up to now delay the next one. A clock that was set back makes a try one of the future."""
    started = world.memory.started.get(prober.name)
    since = world.now - started.at if started is not None else -1.0
    return since >= 0 and (prober not in roster.alive or since < STEADY_SECONDS)


def _told(prober: Prober, world: ChecksWorld) -> Missed | None:
    """What people have been told, or are now, of the slots that its Lease says were missed."""
    lease, before = world.leases.get(prober.name), world.memory.missed.get(prober.name)
    if lease is None or lease.blank:
        return before
    if before is None or lease.missed < before.count:  # who begins to look tells of what comes from then on
        return Missed(prober.name, lease.missed, 0.0)
    if lease.missed > before.count and not 0 <= world.now - before.at < MISSED_SECONDS:
        return replace(before, count=lease.missed, at=world.now)
    return before
