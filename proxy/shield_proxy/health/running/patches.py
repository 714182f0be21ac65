"""The write that a step is: a merge patch of the Lease, conditional on the version that it was decided on. Pure."""

from collections.abc import Mapping
from typing import Any

from shield_proxy.config.checks.contract import COUNTERS, LEASE_SECONDS, MISSED, SUCCESSOR
from shield_proxy.config.checks.sample import Sample
from shield_proxy.config.checks.samples import SAMPLES, write_samples
from shield_proxy.health.running.handover import Act, Step, Tenure
from shield_proxy.health.running.lease import (
    AFTER,
    PREDECESSOR,
    Lease,
    Remembered,
    write_counters,
    write_instant,
)


def new_lease(namespace: str, name: str, tenure: Tenure, at: float, now: float) -> dict[str, Any]:
    """The Lease that a run creates and holds, owning the slots after `at`."""
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": name, "namespace": namespace, "annotations": {AFTER: repr(at)}},
        "spec": _held_by(tenure.run, now),
    }


def patch_of(
    step: Step,
    tenure: Tenure,
    lease: Lease,
    now: float,
    counters: Mapping[str, Remembered],
    missed: int,
    samples: Mapping[str, Sample],
) -> dict[str, Any]:
    """What the step changes. `counters`, `missed` and `samples` are the run's own; only a holder that knows what its
    predecessor counted writes them."""
    own = {COUNTERS: write_counters(counters), MISSED: str(missed), SAMPLES: write_samples(samples)}
    renewed = {"renewTime": write_instant(now)}
    notes: dict[str, str | None]
    spec: dict[str, Any] = {}
    match step.act:
        case Act.CLAIM:
            notes, spec = {AFTER: repr(step.at), SUCCESSOR: None, PREDECESSOR: None}, _held_by(tenure.run, now)
        case Act.ASK:
            notes = {SUCCESSOR: tenure.run}
        case Act.WITHDRAW:
            notes = {SUCCESSOR: None}
        case Act.GRANT:
            notes, spec = {SUCCESSOR: f"{lease.successor} {step.at!r}", **own}, renewed
        case Act.REVOKE:
            notes, spec = {SUCCESSOR: None}, renewed
        case Act.TAKE:
            notes = {AFTER: repr(lease.granted), SUCCESSOR: None, PREDECESSOR: lease.holder}
            spec = _held_by(tenure.run, now)
        case Act.RENEW:
            notes, spec = ({} if lease.predecessor else dict(own)), renewed
        case Act.SETTLE:
            notes, spec = {PREDECESSOR: None, **own}, renewed
        case Act.LAST_WORDS:
            notes = {PREDECESSOR: None, **own}
        case Act.RELEASE:
            notes = {AFTER: repr(step.at), SUCCESSOR: None, PREDECESSOR: None, **own}
            spec = {"holderIdentity": "", **renewed}
        case Act.CREATE | Act.WAIT | Act.LEAVE:
            raise ValueError(f"{step.act} changes no Lease that is there")
    return {"metadata": {"resourceVersion": lease.version, "annotations": notes}, "spec": spec}


def _held_by(run: str, now: float) -> dict[str, Any]:
    at = write_instant(now)
    return {"holderIdentity": run, "leaseDurationSeconds": LEASE_SECONDS, "acquireTime": at, "renewTime": at}
