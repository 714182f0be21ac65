"""What a run owns and what it writes next, decided from the Lease, the time and what it remembers. Pure.

A run asks to be the next one. The holder answers with an instant that is not yet come for itself: it owns the slots up
to it, the next run those after it, once that has taken the Lease. Where it doesn't in time, the holder revokes. Until
the holder's last probes have ended the counters are its own; then it says them, and leaves. So the Lease names at each
version one owner for each slot, and neither late news nor clocks that differ give one to two or to none. A run that
dies silently is replaced when it has not renewed the Lease for LEASE_SECONDS.
"""

import math
from dataclasses import dataclass, replace
from enum import StrEnum

from shield_proxy.config.checks.contract import LEASE_SECONDS, RENEW_SECONDS
from shield_proxy.health.running.lease import Lease

LEAD = 3.0
"""Seconds from a grant to its instant: the next run hears of it and takes the Lease within."""
SKEW = 2.0
"""Seconds by which the clocks of two nodes may differ, where a renewal is looked at that somebody else wrote."""
PARTING = 30.0
"""Seconds that the holder's last probes have before its last words are said without them."""
SETTLING = PARTING + LEAD + SKEW
"""Seconds after which the next run waits for the last words no longer."""
POLITE = 3.0
"""Seconds that probes have to end once the run was told to."""


class Act(StrEnum):
    """What a run does next."""

    WAIT = "wait"
    CREATE = "create"
    """The Lease, and hold it."""
    CLAIM = "claim"
    """A Lease that nobody holds, or whose holder is silent."""
    ASK = "ask"
    WITHDRAW = "withdraw"
    """What was asked for."""
    GRANT = "grant"
    REVOKE = "revoke"
    TAKE = "take"
    """What was granted."""
    RENEW = "renew"
    SETTLE = "settle"
    """Count on without the last words of the predecessor."""
    LAST_WORDS = "last words"
    """The counters, to the run that has taken the Lease."""
    RELEASE = "release"
    """Nobody holds the Lease any more."""
    LEAVE = "leave"


@dataclass(frozen=True, slots=True)
class Step:
    """`at`: of WAIT, when to decide again if nothing happens before; of CREATE and CLAIM, after which slots are owned;
    of GRANT and RELEASE, up to which. `why` is for people."""

    act: Act
    at: float = 0.0
    why: str = ""


@dataclass(frozen=True, slots=True)
class Tenure:
    """What a run knows of itself. It owns the slots in (after, until]."""

    run: str
    after: float | None = None
    """None: it has held the Lease never yet."""
    until: float = math.inf
    ending: float | None = None
    """Since when it is to end."""
    promised: float | None = None
    """The instant of a grant that was sent and may be written."""
    promised_on: str = ""
    """The version that it was conditional on: no other can follow that one."""

    @property
    def owns(self) -> bool:
        """Whether any slot is, or was, its own."""
        return self.after is not None


def observed(tenure: Tenure, lease: Lease | None, now: float) -> Tenure:
    """What the run knows after it has seen the Lease."""
    if lease is None:
        return tenure
    if lease.holder == tenure.run:
        after = lease.after if tenure.after is None else tenure.after
        return replace(tenure, after=after, until=_end_of_own(tenure, lease))
    if tenure.after is None:
        return tenure
    if lease.predecessor == tenure.run:
        return replace(tenure, until=lease.after)
    return replace(tenure, until=min(tenure.until, now))  # taken from a run that was silent for too long


def promising(tenure: Tenure, lease: Lease, at: float) -> Tenure:
    """Before a grant is sent: whether or not its answer arrives, the run keeps to it. Of several that were conditional
    on one version, the first may be the one that is written."""
    if tenure.promised is not None and tenure.promised_on == lease.version:
        at = min(at, tenure.promised)
    return replace(tenure, promised=at, promised_on=lease.version, until=min(tenure.until, at))


def ending(tenure: Tenure, now: float) -> Tenure:
    """The run was told to end: what has not begun by now is left to others."""
    return tenure if tenure.ending is not None else replace(tenure, ending=now, until=min(tenure.until, now))


def decide(tenure: Tenure, lease: Lease | None, now: float, silent: float, idle: bool, knows: bool = True) -> Step:
    """The next step of a run that has observed this Lease. `silent`: seconds since this run first saw the renewal that
    the Lease tells of; `idle`: no probe of a slot that it owns runs or is due; `knows`: it knows its checks."""
    if tenure.after is None:
        return _seek(tenure, lease, now, silent, knows)
    if lease is None:
        return Step(Act.LEAVE, why="the Lease is gone") if tenure.ending is not None else Step(Act.CREATE, tenure.after)
    if lease.holder == tenure.run:
        return _end(tenure, lease, now, idle) if tenure.ending is not None else _hold(tenure, lease, now)
    if not lease.holder and tenure.ending is None:
        return Step(Act.CLAIM, tenure.until, "somebody has emptied the Lease")
    if lease.predecessor != tenure.run:
        return Step(Act.LEAVE, why=f"{lease.holder or 'nobody'} holds the Lease now")
    patience = PARTING if tenure.ending is None else POLITE
    if now >= tenure.until and (idle or now >= tenure.until + patience):
        return Step(Act.LAST_WORDS)
    return Step(Act.WAIT, tenure.until if now < tenure.until else tenure.until + patience)


def silent_too_long(lease: Lease, now: float, silent: float) -> bool:
    """Whether the holder has renewed the Lease for so long not that another may take it."""
    return silent >= LEASE_SECONDS or now - lease.renewed >= LEASE_SECONDS + SKEW


def _end_of_own(tenure: Tenure, lease: Lease) -> float:
    until = math.inf if tenure.ending is None else tenure.ending
    if lease.successor and lease.granted is not None:
        until = min(until, lease.granted)
    if tenure.promised is not None and tenure.promised_on == lease.version:
        until = min(until, tenure.promised)
    return until


def _seek(tenure: Tenure, lease: Lease | None, now: float, silent: float, knows: bool) -> Step:
    if tenure.ending is not None:
        asked = lease is not None and lease.successor == tenure.run
        return Step(Act.WITHDRAW) if asked else Step(Act.LEAVE, why="told to end before its turn")
    if not knows:
        return Step(Act.WAIT, now + LEAD)  # who has the Lease probes
    if lease is None:
        return Step(Act.CREATE, now)
    if not lease.holder:
        # By another clock it may be a little later than now; what is far from now was said by a clock that was wrong.
        left = lease.after if 0 < lease.after < now + LEASE_SECONDS else now
        return Step(Act.CLAIM, left, "nobody holds the Lease")
    if silent_too_long(lease, now, silent):
        return Step(Act.CLAIM, now, f"{lease.holder} has not renewed the Lease for {now - lease.renewed:.0f} s")
    if lease.successor == tenure.run:
        return Step(Act.WAIT, now + LEAD) if lease.granted is None else Step(Act.TAKE)
    if lease.successor:
        return Step(Act.WAIT, now + LEAD)
    return Step(Act.ASK)


def _hold(tenure: Tenure, lease: Lease, now: float) -> Step:
    assert tenure.after is not None
    if lease.predecessor and now >= tenure.after + SETTLING:
        return Step(Act.SETTLE)
    if lease.successor and lease.granted is None and not lease.predecessor:
        return Step(Act.GRANT, round(now + LEAD, 3))  # not before its own counters are known
    if lease.granted is not None and now >= lease.granted:
        return Step(Act.REVOKE)
    if now - lease.renewed >= RENEW_SECONDS:
        return Step(Act.RENEW)
    others = [lease.granted] if lease.granted is not None else []
    if lease.predecessor:
        others.append(tenure.after + SETTLING)
    return Step(Act.WAIT, min([lease.renewed + RENEW_SECONDS, *others]))


def _end(tenure: Tenure, lease: Lease, now: float, idle: bool) -> Step:
    assert tenure.ending is not None
    assert tenure.after is not None
    patience = POLITE + LEAD if lease.predecessor else POLITE  # the run before says its last words yet
    if (idle and not lease.predecessor) or now >= tenure.ending + patience:
        return Step(Act.RELEASE, max(tenure.after, tenure.until))  # slots up to `after` are those of the run before
    return Step(Act.WAIT, tenure.ending + patience)
