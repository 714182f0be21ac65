"""The commands: the cluster is asked, the answer is shown."""

import secrets
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shield_kubectl.complaints import Kind
from shield_kubectl.kubectl import Kubectl, KubectlFailed
from shield_kubectl.shown.checktext import check_text
from shield_kubectl.shown.documents import as_json, check_document
from shield_kubectl.shown.previewing import (
    Outcome,
    check_of,
    outcome,
    preview_document,
    preview_of,
    preview_text,
    waited,
)
from shield_kubectl.shown.style import Style
from shield_kubectl.shown.trial import Trial, barred, begun, ready_of, seen, trial_document, trial_text, unsettled
from shield_kubectl.shown.view import CheckView, check_view
from shield_proxy.config.alerts.contract import ANNOTATION_TEST
from shield_proxy.config.alerts.contract import PLURAL as ALERTS
from shield_proxy.config.checks.contract import LABEL_SHARD, PROBERS_SELECTOR
from shield_proxy.config.reading import InvalidField

CHECKS = "healthchecks"
LOOK = 0.7
"""Seconds between two looks."""
MOST_FILE = 1 << 20
REFUSED = frozenset((Kind.ABSENT, Kind.NOT_INSTALLED, Kind.FORBIDDEN, Kind.INVALID))
"""After which nothing was made, for certain."""


class Impossible(Exception):
    """One line for people."""


@dataclass(frozen=True, slots=True)
class Screen:
    """Where results go."""

    write: Callable[[str], object]
    tell: Callable[[str], None]
    """A line that is no result."""
    style: Style
    output: str = ""
    """json, yaml or text."""

    def show(self, text: Callable[[], str], document: Callable[[], Mapping[str, Any]]) -> None:
        """As it is wanted."""
        if not self.output:
            self.write(text())
        elif self.output == "json":
            self.write(as_json(document()))
        else:
            import yaml  # only here: it takes longer to load than all else of this program

            self.write(yaml.safe_dump(dict(document()), sort_keys=False, allow_unicode=True))


def show_check(kubectl: Kubectl, name: str, screen: Screen) -> int:
    """A check, and what its probers found last."""
    try:
        check = kubectl.read(CHECKS, name)
    except KubectlFailed as failed:
        if name == "preview" and failed.kind is Kind.ABSENT:
            raise Impossible("which check is to be previewed? Name its file: check preview -f FILE") from failed
        raise
    view = _view(kubectl, check, screen)
    screen.show(lambda: check_text(view, screen.style, time.time()), lambda: check_document(view))
    return 0


def preview(kubectl: Kubectl, filename: str, namespace: str, seconds: float, screen: Screen) -> int:
    """A check that is probed once and not kept."""
    spec, own_namespace = _check_in(filename)
    if own_namespace and namespace and own_namespace != namespace:
        raise Impossible(f"the file says namespace {own_namespace}, and --namespace says {namespace}")
    kubectl = kubectl.within(own_namespace) if own_namespace else kubectl
    name = f"preview-{secrets.token_hex(5)}"
    kubectl.namespace()  # what may fail before anything is made
    made = True
    try:
        try:
            kubectl.create(CHECKS, preview_of(spec, name))
        except KubectlFailed as failed:
            made = failed.kind not in REFUSED
            raise
        found = _previewed(kubectl, name, seconds)
    finally:
        if made:
            _delete(kubectl, name, screen)
    screen.show(lambda: preview_text(found, screen.style, time.time()), lambda: preview_document(found))
    if found.why:
        screen.tell(found.why)
    return found.exit_code


def try_alert(kubectl: Kubectl, name: str, seconds: float, screen: Screen) -> int:
    """A test notification, and what became of it at each target."""
    token = secrets.token_hex(6)
    alert = kubectl.read(ALERTS, name)
    if why := barred(alert):  # before it is asked for, or it would be sent once the alert is mended
        raise Impossible(why)
    trial, deadline = begun(alert, token), time.monotonic() + seconds
    kubectl.annotate(ALERTS, name, ANNOTATION_TEST, token)
    while True:
        alert = kubectl.read(ALERTS, name)
        trial = seen(trial, alert, token)
        if not trial.queued and (why := barred(alert)):
            raise Impossible(why)
        if trial.told or time.monotonic() + LOOK > deadline:
            break
        time.sleep(LOOK)
    _show_trial(trial, kubectl.namespace(), name, screen)
    if why := unsettled(trial, ready_of(alert), seconds):
        screen.tell(why)
    return trial.exit_code


def _show_trial(trial: Trial, namespace: str, name: str, screen: Screen) -> None:
    screen.show(lambda: trial_text(trial, screen.style), lambda: trial_document(trial, namespace, name))


def _view(kubectl: Kubectl, check: Mapping[str, Any], screen: Screen) -> CheckView:
    status = check.get("status")
    shard = status.get("shard") if isinstance(status, dict) else None
    leases: list[Mapping[str, Any]] = []
    if isinstance(shard, int):
        try:
            leases = list(kubectl.list("leases", f"{PROBERS_SELECTOR},{LABEL_SHARD}={shard}"))
        except KubectlFailed as failed:
            if failed.kind is not Kind.FORBIDDEN:
                raise
            screen.tell(f"the last probes can't be shown: {failed}")
    return check_view(check, leases)


def _check_in(filename: str) -> tuple[Mapping[str, Any], str]:
    import yaml  # only here: it takes longer to load than all else of this program

    try:
        if filename == "-":
            text = sys.stdin.buffer.read(MOST_FILE + 1)
        else:
            with Path(filename).open("rb") as file:
                text = file.read(MOST_FILE + 1)
        if len(text) > MOST_FILE:
            raise Impossible(f"{filename} has more than {MOST_FILE >> 20} MiB")
        return check_of(list(yaml.safe_load_all(text)))
    except OSError as error:
        raise Impossible(f"{filename} can't be read: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise Impossible(f"{filename} is no YAML: {' '.join(str(error).split())}") from error
    except InvalidField as error:
        raise Impossible(f"{filename}: {error}") from error


def _previewed(kubectl: Kubectl, name: str, seconds: float) -> Outcome:
    deadline = time.monotonic() + seconds
    while True:
        found = outcome(check_view(kubectl.read(CHECKS, name), ()))
        if found.complete or found.why or time.monotonic() + LOOK > deadline:
            return waited(found, seconds)
        time.sleep(LOOK)


def _delete(kubectl: Kubectl, name: str, screen: Screen) -> None:
    """Whatever happens, and even if a second Ctrl-C comes meanwhile, which kubectl would hear, too."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        kubectl.delete(CHECKS, name)
    except KubectlFailed as failed:
        screen.tell(f"{name} could not be deleted: {failed}; the operator does it within some minutes")
    finally:
        for number, disposition in before.items():
            signal.signal(number, disposition)
