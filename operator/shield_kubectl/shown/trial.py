"""A test of an alert: what became of it at each target. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from shield_kubectl.shown.documents import API_VERSION
from shield_kubectl.shown.style import Style
from shield_kubectl.shown.table import table
from shield_proxy.config.alerts.notification import TargetStatus, read_notifications, read_target_statuses

MEANS = ("email", "webhook", "slack", "teams", "pagerDuty", "opsgenie")
ENOUGH_ATTEMPTS = 3
BARRING = frozenset(("InvalidSpec", "TooManyTargets"))
"""Reasons of Ready for which the operator takes no test up."""
HEADER = ("TARGET", "MEANS", "OUTCOME", "ERROR")


class Result(StrEnum):
    """Of one target."""

    DELIVERED = "Delivered"
    FAILED = "Failed"
    """Given up."""
    PENDING = "Pending"
    """Not tried yet, or tried again."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """What became of the test at a target."""

    name: str
    means: str
    result: Result = Result.PENDING
    error: str = ""
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class Trial:
    """A test as far as it has come."""

    id: str
    """Of the notification."""
    queued: bool = False
    """The operator has taken it up."""
    arrivals: tuple[Arrival, ...] = ()

    @property
    def settled(self) -> bool:
        """Nothing more will come."""
        return self.queued and all(each.result is not Result.PENDING for each in self.arrivals)

    @property
    def told(self) -> bool:
        """What is not settled has failed often enough that a person need not wait for what comes of it."""
        waiting = [each for each in self.arrivals if each.result is Result.PENDING]
        return self.queued and all(each.attempts >= ENOUGH_ATTEMPTS for each in waiting)

    @property
    def exit_code(self) -> int:
        """0 where every target has it."""
        return 0 if self.settled and all(each.result is Result.DELIVERED for each in self.arrivals) else 1


def barred(alert: Mapping[str, Any]) -> str:
    """Why no test of the alert will be taken up as it is; "" where one may be, or where what is said of it is about
    another spec."""
    metadata, ready = alert.get("metadata"), ready_of(alert)
    generation = metadata.get("generation") if isinstance(metadata, Mapping) else None
    if ready.get("status") != "False" or ready.get("reason") not in BARRING:
        return ""
    return str(ready.get("message") or "") if ready.get("observedGeneration") == generation else ""


def ready_of(alert: Mapping[str, Any]) -> Mapping[str, Any]:
    """Its condition Ready; empty where there is none."""
    status = alert.get("status")
    conditions = status.get("conditions") if isinstance(status, Mapping) else None
    found = [each for each in conditions or () if isinstance(each, Mapping)]
    return next((each for each in found if each.get("type") == "Ready"), {})


def begun(alert: Mapping[str, Any], token: str) -> Trial:
    """A test that was just asked for."""
    spec = alert.get("spec")
    targets = spec.get("targets") if isinstance(spec, Mapping) else None
    named = [each for each in targets or () if isinstance(each, Mapping) and isinstance(each.get("name"), str)]
    arrivals = tuple(Arrival(each["name"], next((m for m in MEANS if m in each), "")) for each in named)
    return Trial(f"test-{token}", arrivals=arrivals)


def seen(before: Trial, alert: Mapping[str, Any], token: str) -> Trial:
    """The test after one more look. What was seen once stays: what comes after may overwrite it in the status, and the
    queue forgets what is done."""
    status = alert.get("status")
    status = status if isinstance(status, Mapping) else {}
    queued = before.queued or status.get("lastTest") == token
    waits = any(each.id == before.id for each in read_notifications(status))
    told = {each.name: each for each in read_target_statuses(status)}
    arrivals = tuple(
        each
        if each.result is not Result.PENDING
        else _arrived(each, told.get(each.name, TargetStatus(each.name)), before.id, done=queued and not waits)
        for each in before.arrivals
    )
    return Trial(before.id, queued, arrivals)


def _arrived(before: Arrival, told: TargetStatus, id_: str, *, done: bool) -> Arrival:
    error = told.last_error if told.last_error is not None and told.last_error.notification == id_ else None
    delivered = told.last_delivery is not None and told.last_delivery.notification == id_
    if delivered:
        return Arrival(before.name, before.means, Result.DELIVERED, attempts=before.attempts)
    settled = done or id_ in told.settled
    if error is not None:
        result = Result.FAILED if settled else Result.PENDING
        return Arrival(before.name, before.means, result, error.message, error.attempts)
    if not settled:
        return before
    # Settled, and the traces of it overwritten already: an error would have stayed until the next success.
    return Arrival(before.name, before.means, Result.FAILED if before.error else Result.DELIVERED, before.error)


def trial_text(trial: Trial, style: Style) -> str:
    """For people."""
    rows = [(each.name, each.means, each.result, _error(each)) for each in trial.arrivals]
    return "\n".join(table(HEADER, rows, style, coloured=2)) + "\n"


def trial_document(trial: Trial, namespace: str, name: str) -> dict[str, Any]:
    """An AlertTestReport."""
    return {
        "apiVersion": API_VERSION,
        "kind": "AlertTestReport",
        "namespace": namespace,
        "name": name,
        "notification": trial.id,
        "delivered": trial.exit_code == 0,
        "targets": [_target(each) for each in trial.arrivals],
    }


def unsettled(trial: Trial, ready: Mapping[str, Any], seconds: float) -> str:
    """Why it was not waited for any longer; "" where all is settled."""
    if trial.settled:
        return ""
    because = f" ({ready.get('message')})" if ready.get("status") == "False" else ""
    if not trial.queued:
        return f"the operator has not taken the test up within {seconds:g} s{because}: is it running?"
    after = "" if trial.told else f" after {seconds:g} s"
    return f"not everybody has it{after}{because}; it is tried on, and given up in the end"


def _target(each: Arrival) -> dict[str, Any]:
    out: dict[str, Any] = {"name": each.name, "means": each.means, "outcome": each.result.value}
    if each.error:
        out["error"] = each.error
    if each.attempts:
        out["attempts"] = each.attempts
    return out


def _error(each: Arrival) -> str:
    tried = f" (attempt {each.attempts})" if each.error and each.attempts > 1 else ""
    return each.error + tried
