"""Runs of one Lease in a world without sockets: true time, clocks that differ, writes that get lost, deaths."""

import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from shield_proxy.health.running.assigned import Assigned
from shield_proxy.health.running.due import due
from shield_proxy.health.running.handover import LEAD, Act, Step, Tenure, decide, ending, observed, promising
from shield_proxy.health.running.lease import Lease, read_lease
from shield_proxy.health.running.ledger import Ledger
from shield_proxy.health.running.patches import new_lease, patch_of
from shield_proxy.health.sample import Sample
from shield_proxy.health.slots import phase, slots_within

EPOCH = 1_700_000_000.0
TICK = 0.25
HEARD_WITHIN = 1.5
"""Seconds in which everybody hears of the Lease's newest version."""
SKEW = 0.9
LONGEST_PROBE = 2.0
LONGEST_LIST = 12.0
"""Seconds after which a run knows its checks."""


def check(number: int, interval: float) -> Assigned:
    uid = f"{number:032x}"
    return Assigned(uid, uid, 1, 0.0, _Every(interval), "", phase(uid, "eu/a"), None)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class _Every:
    interval: float
    suspended: bool = False
    consecutive_fails: int = 1
    consecutive_successes: int = 1


@dataclass(slots=True)
class Actor:
    """One run, and what it has in memory."""

    tenure: Tenure
    skew: float
    knows_at: float
    """When it has listed its checks."""
    ledger: Ledger = field(default_factory=Ledger)
    lease: Lease | None = None
    heard: float = -1e9
    renewal_seen: float = 0.0
    handled: dict[str, float] = field(default_factory=dict)
    probes: list[tuple[float, Assigned]] = field(default_factory=list)
    """When each ends."""
    missed: int = 0
    taken_after: float = 0.0


@dataclass(slots=True)
class World:
    """`loses`: the chance of each write to get lost on its way, and of its answer as well."""

    rng: random.Random
    checks: list[Assigned]
    loses: float = 0.0
    now: float = EPOCH
    document: dict[str, Any] | None = None
    version: int = 0
    actors: list[Actor] = field(default_factory=list)
    begun: Counter[tuple[str, float]] = field(default_factory=Counter)
    gaps: list[tuple[float, float]] = field(default_factory=list)
    """Times before a run took a Lease whose holder had died."""
    born: int = 0
    since: float | None = None
    """When the first run took the Lease."""
    missed: int = 0
    ended_unsettled: int = 0
    """Runs that were told to end while the last words of the run before were still to come: those may be lost."""

    def start(self) -> None:
        """One more run begins."""
        self.born += 1
        skew = self.rng.uniform(-SKEW, SKEW)
        knows_at = self.now + self.rng.choice((0.0, self.rng.uniform(0, LONGEST_LIST)))
        self.actors.append(Actor(Tenure(f"run-{self.born}"), skew, knows_at, renewal_seen=self.now))

    def kill(self) -> None:
        """A run ends without a word."""
        if self.actors:
            self._gone(self.rng.choice(self.actors))

    def staying(self) -> list[Actor]:
        """Runs that hold the Lease or may yet, and were not told to end."""
        holder = self.document["spec"].get("holderIdentity") if self.document is not None else None
        return [a for a in self.actors if a.tenure.ending is None and (not a.tenure.owns or a.tenure.run == holder)]

    def terminate(self) -> None:
        """A run is told to end, where another knows its checks by now: one that does not yet may come too late for a
        slot."""
        staying = self.staying()
        actor = self.rng.choice(staying) if staying else None
        if actor is not None and any(other is not actor and self.now >= other.knows_at for other in staying):
            actor.tenure = ending(actor.tenure, self.now + actor.skew)

    def go_on(self, seconds: float) -> None:
        """Time passes."""
        end = self.now + seconds
        while self.now < end:
            self.now += TICK
            for actor in self.rng.sample(self.actors, len(self.actors)):
                self._turn(actor)

    def expected(self) -> list[tuple[str, float]]:
        """Slots that somebody should have begun up to some seconds ago."""
        if self.since is None:
            return []
        until = self.now - 15
        return [(c.id, s) for c in self.checks for s in slots_within(self.since, until, c.interval, c.phase)]

    def counted(self) -> int:
        """Samples that the holder's counters are made of."""
        holder = next(a for a in self.actors if a.lease and a.lease.holder == a.tenure.run)
        return sum(each.counters.successes for each in holder.ledger.counters.values()) + len(holder.probes)

    def _gone(self, actor: Actor) -> None:
        self.actors.remove(actor)
        self.missed += actor.missed

    def _turn(self, actor: Actor) -> None:
        now = self.now + actor.skew + self.rng.uniform(-0.05, 0.05)
        if self.rng.random() < 0.4 or self.now - actor.heard > HEARD_WITHIN:
            self._hear(actor)
        self._observe(actor, now)
        self._probe(actor, now)
        silent, knows = self.now - actor.renewal_seen, self.now >= actor.knows_at
        step = decide(actor.tenure, actor.lease, now, silent, self._idle(actor, now), knows)
        if step.act is Act.LEAVE:
            self._gone(actor)
        elif step.act is not Act.WAIT:
            self._write(actor, step, now)

    def _hear(self, actor: Actor) -> None:
        actor.heard = self.now
        before = actor.lease
        actor.lease = read_lease(self.document) if self.document is not None else None
        after = actor.lease
        if after and (before is None or (before.holder, before.renewed) != (after.holder, after.renewed)):
            actor.renewal_seen = self.now

    def _observe(self, actor: Actor, now: float) -> None:
        actor.tenure = tenure = observed(actor.tenure, actor.lease, now)
        lease = actor.lease
        if tenure.owns and lease and lease.holder == tenure.run and not lease.predecessor:
            self._settle(actor, lease)

    def _settle(self, actor: Actor, lease: Lease) -> None:
        if not actor.ledger.settled:
            actor.ledger.settle(lease.counters)

    def _probe(self, actor: Actor, now: float) -> None:
        for ended in [each for each in actor.probes if each[0] <= self.now]:
            actor.probes.remove(ended)
            actor.ledger.count(ended[1], Sample(now, None))
        if actor.tenure.after is None or self.now < actor.knows_at:
            return
        for each in self.checks:
            if any(running.id == each.id for _, running in actor.probes):
                continue
            handled = max(actor.handled.get(each.id, 0.0), actor.tenure.after)
            found = due(handled, now, actor.tenure.until, each.interval, each.phase)
            actor.handled[each.id] = found.handled
            actor.missed += found.missed
            if found.slot is not None:
                self.begun[each.id, found.slot] += 1
                actor.probes.append((self.now + self.rng.uniform(0, LONGEST_PROBE), each))

    def _idle(self, actor: Actor, now: float) -> bool:
        until = min(now, actor.tenure.until)
        return not actor.probes and all(actor.handled.get(each.id, 0.0) >= until for each in self.checks)

    def _write(self, actor: Actor, step: Step, now: float) -> None:
        if step.act is Act.GRANT:
            assert actor.lease is not None
            actor.tenure = promising(actor.tenure, actor.lease, step.at)
        if step.act in (Act.SETTLE, Act.RELEASE) and actor.lease is not None:
            self.ended_unsettled += not actor.ledger.settled
            self._settle(actor, actor.lease)
        if self.rng.random() < self.loses:
            return
        made = self._make(actor, step, now)
        if self.rng.random() < self.loses:
            return
        self._hear(actor)
        if made:
            self._observe(actor, now)

    def _make(self, actor: Actor, step: Step, now: float) -> bool:
        if step.act is Act.CREATE:
            if self.document is not None:
                return False
            self.document = new_lease("shop", "probes", actor.tenure, step.at, now)
        else:
            assert actor.lease is not None
            patch = patch_of(step, actor.tenure, actor.lease, now, actor.ledger.counters, 0, {})
            if self.document is None or patch["metadata"]["resourceVersion"] != str(self.version):
                return False
            if step.act is Act.CLAIM and actor.lease.holder:
                self.gaps.append((actor.lease.renewed - 1, step.at))
                if actor.lease.predecessor:  # which may have died, too, after its grant
                    self.gaps.append((actor.lease.after - LEAD - 1, actor.lease.after))
            elif step.act is Act.TAKE:
                actor.taken_after = actor.lease.renewed
            elif step.act is Act.SETTLE or (step.act is Act.RELEASE and actor.lease.predecessor):
                # The run before may have died since it was asked; whoever ends meanwhile no longer waits to see.
                self.gaps.append((actor.taken_after - 1, actor.tenure.after or 0))
            self.document = _merged(self.document, patch)
        if self.since is None and step.act in (Act.CREATE, Act.CLAIM):
            self.since = step.at
        self.version += 1
        self.document["metadata"]["resourceVersion"] = str(self.version)
        return True


def _merged(document: Any, patch: Any) -> Any:
    """RFC 7396."""
    if not isinstance(patch, dict):
        return patch
    out = dict(document) if isinstance(document, dict) else {}
    for name, value in patch.items():
        if value is None:
            out.pop(name, None)
        else:
            out[name] = _merged(out.get(name), value)
    return out
