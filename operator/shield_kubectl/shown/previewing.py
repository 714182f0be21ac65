"""A preview: the check that is made for it, when it has been probed, and what came out. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from shield_kubectl.shown.checktext import data_centres, falls
from shield_kubectl.shown.documents import API_VERSION, data_centre_document
from shield_kubectl.shown.style import Style
from shield_kubectl.shown.view import CheckView, DataCentre
from shield_proxy.config.checks.contract import PREVIEW
from shield_proxy.config.reading import InvalidField, Reader

KIND = "HealthCheck"
FATAL = frozenset(("InvalidSpec", "NoNodes", "ProbersRefused"))
"""Reasons of Ready for which nobody will probe it, however long one waits."""
ELSEWHERE = "UnknownRegion"
"""The one for which only some don't: it is probed from the regions that there are, if it names any."""
LONG_SECONDS = 3600
"""The longest interval there is."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the data centres found."""

    found: tuple[DataCentre, ...]
    missing: tuple[str, ...]
    """Data centres that have not told anything."""
    why: str = ""
    """Why nothing more is waited for, where something is missing or nobody is there to ask."""
    hint: str = ""
    """What the operator says of how it is run, where that is not well."""

    @property
    def unhealthy(self) -> bool:
        """Somebody finds it so."""
        return any(each.health != "Healthy" for each in self.found)

    @property
    def complete(self) -> bool:
        """Every data centre has told, and there is one."""
        return bool(self.found) and not self.missing

    @property
    def exit_code(self) -> int:
        """0 healthy everywhere, 1 unhealthy somewhere, 2 where nobody can tell."""
        if self.unhealthy:
            return 1
        return 0 if self.complete else 2


def check_of(documents: list[Any]) -> tuple[Mapping[str, Any], str]:
    """Spec and namespace ("": none) of the one HealthCheck that a file holds. InvalidField."""
    given = [document for document in documents if document is not None]
    if len(given) != 1:
        raise InvalidField("the file", f"must hold one {KIND}, not {len(given)} documents")
    top = Reader(given[0], "")
    if top.text("kind", "") != KIND:
        raise InvalidField("kind", f"must be {KIND}, not {top.text('kind', '')[:80]!r}")
    return top.section("spec").source, top.section("metadata").text("namespace", "")


def preview_of(spec: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The check that is made: probed at once, where one probe makes a verdict, and known to be a preview. Labels are
    left out, so that nothing selects it."""
    timeout, interval = spec.get("timeout", 5), spec.get("interval", 60)
    if isinstance(timeout, int) and isinstance(interval, int) and timeout < interval:
        interval = LONG_SECONDS  # the next slot is far, so nobody waits for it; what is wrong stays wrong
    return {
        "apiVersion": "smartshield.io/v1alpha1",
        "kind": KIND,
        "metadata": {"name": name, "annotations": {PREVIEW: "true"}},
        "spec": {**spec, "interval": interval, "suspended": False, "consecutiveFails": 1, "consecutiveSuccesses": 1},
    }


def outcome(view: CheckView) -> Outcome:
    """What is known so far."""
    told = tuple(each for each in view.data_centres if each.health in ("Healthy", "Unhealthy"))
    missing = tuple(each.name for each in view.data_centres if each.health not in ("Healthy", "Unhealthy"))
    ready = next((each for each in view.conditions if each.type == "Ready"), None)
    if ready is None or ready.status != "False":
        return Outcome(told, missing)
    final = ready.reason in FATAL or (ready.reason == ELSEWHERE and not missing)
    return Outcome(told, missing, ready.message if final else "", ready.message)


def waited(so_far: Outcome, seconds: float) -> Outcome:
    """The same when no more is waited."""
    if so_far.complete or so_far.why:
        return so_far
    if not so_far.found and not so_far.missing:
        why = f"the operator has not taken it up within {seconds:g} s: is it running?"
    else:
        because = f" ({so_far.hint})" if so_far.hint else ""
        why = f"nothing was heard within {seconds:g} s from {', '.join(so_far.missing)}{because}"
    return replace(so_far, why=why)


def preview_text(found: Outcome, style: Style, now: float) -> str:
    """For people."""
    if not found.found:
        return ""
    blocks = [data_centres(found.found, style, now), falls(found.found, style, now)]
    word = ["Healthy", "Unhealthy", "Unknown"][found.exit_code]
    blocks.append([f"{style.word(word)}: {_summary(found)}"])
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def preview_document(found: Outcome) -> dict[str, Any]:
    """A PreviewReport."""
    document: dict[str, Any] = {
        "apiVersion": API_VERSION,
        "kind": "PreviewReport",
        "health": ["Healthy", "Unhealthy", "Unknown"][found.exit_code],
        "dataCenters": [data_centre_document(each) for each in found.found],
        "missing": list(found.missing),
    }
    return {**document, "message": found.why} if found.why else document


def _summary(found: Outcome) -> str:
    healthy = sum(each.health == "Healthy" for each in found.found)
    return f"healthy in {healthy} of {len(found.found) + len(found.missing)} data centres; nothing was kept"
