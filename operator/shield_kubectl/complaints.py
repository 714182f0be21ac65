"""What kubectl complains of, in clear words that say what to do. Pure."""

import re
from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """What went wrong, as far as it matters to what is done next."""

    ABSENT = "absent"
    NOT_INSTALLED = "not installed"
    FORBIDDEN = "forbidden"
    INVALID = "invalid"
    UNREACHABLE = "unreachable"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for, as it is named in complaints."""

    resource: str
    """healthchecks, healthalerts or leases."""
    namespace: str
    name: str = ""


_SERVER = re.compile(r"Error from server \(([A-Za-z]*)\): (.*)", re.DOTALL)
_INVALID = re.compile(r'The \S+ "[^"]*" is invalid: ?(.*)', re.DOTALL)
_DECODING = re.compile(r"(?:strict decoding error|json: [a-z ]+): (.*)", re.DOTALL)
_RIGHT = re.compile(r'User "(?P<user>[^"]*)" cannot (?P<verb>\w+) resource "(?P<resource>[^"]*)"')
_NOBODY = (
    "unable to connect", "connection refused", "was refused", "no such host", "i/o timeout", "deadline exceeded",
    "no route to host", "network is unreachable", "tls: ", "x509: ", "timeout exceeded", "connection reset",
)  # fmt: skip
_KINDS = {"healthchecks": "HealthCheck", "healthalerts": "HealthAlert", "leases": "Lease"}


def explain(said: str, wanted: Wanted) -> tuple[Kind, str]:
    """The kind of a complaint on standard error, and what to tell; never empty."""
    text = _last_complaint(said)
    server, invalid = _SERVER.fullmatch(text), _INVALID.fullmatch(text)
    if invalid is not None:
        return Kind.INVALID, f"the API server refuses it: {_listed(invalid[1])}"
    if server is not None:
        return _of_server(server[1], server[2].strip(), wanted)
    if "doesn't have a resource type" in text:
        return _not_installed(wanted)
    if "must be logged in" in text or "Unauthorized" in text:
        return Kind.FORBIDDEN, "the cluster does not know you: log in again, or choose another --context"
    if any(part in text.lower() for part in _NOBODY):
        return (
            Kind.UNREACHABLE,
            f"the cluster can't be reached: {text.partition(' - did you')[0]}. See: kubectl cluster-info",
        )
    return Kind.OTHER, text or "kubectl failed without a word"


def _of_server(reason: str, message: str, wanted: Wanted) -> tuple[Kind, str]:
    if reason == "NotFound":
        if "could not find the requested resource" in message:
            return _not_installed(wanted)
        if message.startswith("namespaces "):
            return Kind.ABSENT, f"there is no namespace {wanted.namespace}"
        kind = _KINDS.get(wanted.resource, wanted.resource)
        hint = f"kubectl get {wanted.resource} -n {wanted.namespace}"
        return Kind.ABSENT, f"there is no {kind} {wanted.name} in namespace {wanted.namespace}. See: {hint}"
    if reason == "Forbidden":
        right = _RIGHT.search(message)
        if right is not None:
            missing = f"{right['user']} has no right to {right['verb']} {right['resource']} in {wanted.namespace}"
            return Kind.FORBIDDEN, f"{missing}. The ClusterRole {_role(right['verb'])} gives it; ask who administers"
        return Kind.FORBIDDEN, f"it is forbidden: {message}"
    decoding = _DECODING.search(message)
    if reason == "BadRequest" and decoding is not None:
        return Kind.INVALID, f"the API server refuses it: {decoding[1]}"
    if reason == "Unauthorized":
        return Kind.FORBIDDEN, "the cluster does not know you: log in again, or choose another --context"
    return Kind.OTHER, f"the API server says: {message}"


def _not_installed(wanted: Wanted) -> tuple[Kind, str]:
    name = f"{wanted.resource}.smartshield.io"
    return Kind.NOT_INSTALLED, f"this cluster knows no {name}: Smart Shield is not installed there, or is older"


def _role(verb: str) -> str:
    return "view" if verb in ("get", "list", "watch") else "edit"


def _last_complaint(said: str) -> str:
    """Without warnings, and lines of kubectl's own log before the complaint."""
    lines = [line.rstrip() for line in said.strip().splitlines()]
    kept = [line for line in lines if line and not re.match(r"[EWI][0-9]{4} |Warning: ", line)]
    text = "\n".join(kept).strip()
    return text.removeprefix("error: ").removeprefix("Error: ")


def _listed(problems: str) -> str:
    """Each problem on a line of its own where there are several."""
    parts = [part.strip() for part in re.split(r"^\* ", problems.strip(), flags=re.MULTILINE) if part.strip()]
    return parts[0] if len(parts) == 1 else "".join(f"\n  {part}" for part in parts)
