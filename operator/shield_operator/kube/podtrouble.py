"""Why a pod does not begin, or how it failed, as its status tells: a word and what was said of it. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

MOST = 240
"""Letters of what was said."""
ORDINARY = frozenset(("ContainerCreating", "PodInitializing"))
"""What every pod waits for."""
PULL, BACK_OFF = "ErrImagePull", "ImagePullBackOff"
"""The kubelet says them in turns, with the same cause."""

Status = Mapping[str, Any]


def trouble_of(status: Status, last_words: bool = True) -> str:
    """Such as `ErrImagePull: no such image`; "" of a pod that is well. It changes only when the trouble does. Without
    `last_words` nothing is taken from the log of a container: of one that holds secrets it could show them."""
    if status.get("phase") == "Failed" and status.get("reason"):
        return _said(status["reason"], status.get("message"))
    for state in _states(status):
        waiting, ended = state.get("waiting") or {}, state.get("terminated") or {}
        if waiting.get("reason") and waiting["reason"] not in ORDINARY:
            return _waiting(str(waiting["reason"]), str(waiting.get("message") or ""))
        if ended.get("exitCode"):
            reason = str(ended.get("reason") or "Error")
            said = _last_line(str(ended.get("message") or "")) if last_words else ""
            return _said(reason, f"exit code {ended['exitCode']}{said}")
    for condition in status.get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return _said(condition.get("reason") or "Unschedulable", condition.get("message"))
    return ""


def _states(status: Status) -> Iterator[Status]:
    for container in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        yield container.get("state") or {}


def _waiting(reason: str, message: str) -> str:
    _, _, cause = message.partition(f"{PULL}: ")
    if reason == BACK_OFF:
        return _said(PULL, cause or message)
    return _said(reason, message)


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return f": {lines[-1]}" if lines else ""


def _said(reason: object, message: object) -> str:
    text = " ".join(str(message or "").split())
    return str(reason) + (f": {text[:MOST]}" if text else "")
