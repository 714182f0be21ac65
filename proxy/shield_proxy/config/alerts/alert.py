"""Who is told, as values: the targets of a HealthAlert."""

from dataclasses import dataclass
from enum import StrEnum


class Trigger(StrEnum):
    """Which changes are told."""

    BOTH = "Both"
    UNHEALTHY = "Unhealthy"
    HEALTHY = "Healthy"


class Security(StrEnum):
    """How a connection to a mail server is protected."""

    START_TLS = "StartTLS"
    """Plain at first, then TLS; without it nothing is sent."""
    TLS = "TLS"
    """From the first byte."""
    NONE = "None"


DEFAULT_PORT = {Security.START_TLS: 587, Security.TLS: 465, Security.NONE: 25}


class PagerDutyRegion(StrEnum):
    """Where the account is that the key is of."""

    US = "US"
    EU = "EU"


class OpsgenieRegion(StrEnum):
    """Which Opsgenie the key is of."""

    US = "US"
    EU = "EU"


@dataclass(frozen=True, slots=True)
class SecretKey:
    """A key of a Secret in the alert's namespace; the courier finds it as a file of SECRETS_DIR."""

    secret: str
    key: str

    @property
    def path(self) -> str:
        """Below SECRETS_DIR."""
        return f"{self.secret}/{self.key}"


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is handed in."""

    host: str
    port: int
    security: Security = Security.START_TLS
    username: SecretKey | None = None
    password: SecretKey | None = None
    """Both or none."""
    authority: SecretKey | None = None
    """PEM of who may sign its certificate; None: the system's."""


@dataclass(frozen=True, slots=True)
class Email:
    """A mail."""

    to: tuple[str, ...]
    sender: str
    server: MailServer


@dataclass(frozen=True, slots=True)
class Webhook:
    """A POST of JSON."""

    url: str | SecretKey
    secret: SecretKey | None = None
    """Sent in `header`."""
    header: str = "Shield-Webhook-Auth"
    authority: SecretKey | None = None


@dataclass(frozen=True, slots=True)
class Slack:
    """An incoming webhook of Slack."""

    url: SecretKey


@dataclass(frozen=True, slots=True)
class Teams:
    """An incoming webhook, or a workflow, of Microsoft Teams."""

    url: SecretKey


@dataclass(frozen=True, slots=True)
class PagerDuty:
    """The Events API, version 2."""

    routing_key: SecretKey
    region: PagerDutyRegion = PagerDutyRegion.US


@dataclass(frozen=True, slots=True)
class Opsgenie:
    """The Alert API."""

    api_key: SecretKey
    region: OpsgenieRegion = OpsgenieRegion.US


Means = Email | Webhook | Slack | Teams | PagerDuty | Opsgenie


@dataclass(frozen=True, slots=True)
class Target:
    """One of an alert's, by its name."""

    name: str
    means: Means
