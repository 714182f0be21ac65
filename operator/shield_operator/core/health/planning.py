"""`make_checks_plan`: from what is to what shall be, for the checks of one namespace. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from shield_operator.core.health.happenings import check_happenings
from shield_operator.core.health.objects import desired
from shield_operator.core.health.plan import ChecksPlan
from shield_operator.core.health.probers import Roster, make_roster
from shield_operator.core.health.starting import missed_happenings, remembered, to_start, troubles
from shield_operator.core.health.status import blind_status, check_status, differs
from shield_operator.core.health.verdict import look
from shield_operator.core.health.world import CheckObject, ChecksWorld
from shield_proxy.config.checks.contract import LEASE_SECONDS

QUIET_SECONDS = 30.0
STARTING_SECONDS = 10.0
"""Between two looks while somebody who could be heard is not."""
LATE_SECONDS = 0.5
"""After a Lease's end, so that it has surely ended."""
PREVIEW_SECONDS = 120.0
PREVIEW_PREFIX = "preview-"


def make_checks_plan(world: ChecksWorld) -> ChecksPlan:
    """What shall be true of the checks. The same world gives the same plan, in whatever order its parts stand."""
    checks = tuple(sorted((c for c in world.checks if not c.deleting), key=lambda check: (check.created, check.uid)))
    roster = make_roster(checks, world)
    if checks and not roster.places:
        return _blind(checks, world)
    outcomes = {check.uid: look(check, roster.duties[check.uid], roster) for check in checks}
    failing = troubles(roster, world)
    statuses = {
        check.uid: check_status(check, roster.duties[check.uid], outcomes[check.uid], failing, world)
        for check in checks
    }
    objects = desired(roster, world)
    starts = to_start(roster, world)
    return ChecksPlan(
        objects=objects,
        keep=frozenset((body["kind"], body["metadata"]["name"]) for body in objects),
        statuses=_changed(checks, statuses),
        standing=statuses,
        forget={check.name: outcomes[check.uid].foreign for check in checks if outcomes[check.uid].foreign},
        starts=starts,
        expired=tuple(check.name for check in checks if preview_left(check, world.now) == 0),
        happenings=tuple(
            happening
            for check in checks
            for happening in check_happenings(check, statuses[check.uid], outcomes[check.uid])
        )
        + tuple(missed_happenings(roster, world)),
        memory=remembered(roster, starts, world),
        again_after=_again_after(roster, world),
    )


def preview_left(check: CheckObject, now: float) -> float | None:
    """Seconds that a preview may still stand; None of other checks. Who made it takes it away long before. One that
    has another name than previews get was made by hand, and stays."""
    if not check.preview or not check.name.startswith(PREVIEW_PREFIX):
        return None
    try:
        created = datetime.fromisoformat(check.created).timestamp()
    except ValueError:
        return 0.0
    return max(0.0, created + PREVIEW_SECONDS - now)


def _blind(checks: Sequence[CheckObject], world: ChecksWorld) -> ChecksPlan:
    """No node has the labels: more likely than that every node went is a change of them, so nothing is taken away."""
    statuses = {check.uid: blind_status(check, world) for check in checks}
    return ChecksPlan(
        objects=(),
        keep=world.children,
        statuses=_changed(checks, statuses),
        standing=statuses,
        forget={},
        starts=(),
        expired=tuple(check.name for check in checks if preview_left(check, world.now) == 0),
        happenings=(),
        memory=world.memory,
        again_after=QUIET_SECONDS,
    )


def _changed(
    checks: Sequence[CheckObject], statuses: Mapping[str, Mapping[str, Any]]
) -> Mapping[str, Mapping[str, Any]]:
    """In the order in which they had better be written, where there is no time for all: checks that nobody probes
    before they have a status, then changes of verdicts, first of those whose verdict stood longest, then the rest."""
    changed = [check for check in checks if differs(check, statuses[check.uid])]
    changed.sort(key=lambda check: _urgency(check.status, statuses[check.uid]))
    return {check.name: statuses[check.uid] for check in changed}


def _urgency(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[bool, bool, str]:
    return "shard" in before, before.get("status") == after.get("status"), str(before.get("lastChange") or "")


def _again_after(roster: Roster, world: ChecksWorld) -> float:
    """Nobody tells of a Lease that is not renewed."""
    starting = any(roster.places[prober.data_center].usable for prober in roster.silent)
    ends = (*(heard + LEASE_SECONDS for heard in roster.heard.values()), *roster.awaited.values())
    previews = (left for check in world.checks if (left := preview_left(check, world.now)))
    return min(
        (STARTING_SECONDS if starting else QUIET_SECONDS, *(end - world.now + LATE_SECONDS for end in ends), *previews)
    )
