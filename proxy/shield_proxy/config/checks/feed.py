"""The feed of samples: where a prober posts them, what is in its pod for that, and a sample as a line. Pure."""

import json
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from shield_proxy.config.checks.hostnames import is_host
from shield_proxy.config.checks.sample import Sample, in_milliseconds, sample_fields
from shield_proxy.config.reading import InvalidField

FEED_URL = "SHIELD_SAMPLES_URL"
"""Environment of a prober: where samples are posted; not set: nowhere."""
FEED_AUTHORITIES = "SHIELD_SAMPLES_AUTHORITIES"
"""Environment: certificates in PEM of who may vouch for that server."""
FEED_DIR = "SHIELD_SAMPLES_DIR"
"""Environment: a folder with `token`, which is renewed, and maybe `ca.crt`, which goes before FEED_AUTHORITIES."""
DEFAULT_DIR = "/var/run/secrets/smartshield.io/samples"
TOKEN, AUTHORITIES = "token", "ca.crt"
AUDIENCE = "smartshield.io/samples"
"""Of the token."""
CONTENT_TYPE = "application/x-ndjson"
SCHEMA_FIELD, SCHEMA = "Shield-Samples-Schema", "1"
"""Field of a request. Within a schema members are added, never renamed or removed."""


@dataclass(frozen=True, slots=True)
class Sink:
    """Where samples are posted, always over TLS."""

    host: str
    port: int
    target: str
    """Path and query."""

    @property
    def authority(self) -> str:
        """The Host field."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == 443 else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Probed:
    """Which check was probed from where."""

    namespace: str
    check: str
    id: str
    """32 hexadecimal digits."""
    region: str
    data_centre: str


def read_sink(text: str, path: str = FEED_URL) -> Sink:
    """The sink that a URL names. InvalidField."""
    malformed = InvalidField(path, "must be a URL such as https://analytics.example.com/v1/samples")
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise malformed from None
    if parts.scheme != "https" or not is_host(host) or port == 0 or len(text) > 2048 or not text.isprintable():
        raise malformed
    if "@" in parts.netloc or parts.fragment:
        raise InvalidField(path, "must hold neither a password nor a fragment")
    target = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    query = quote(parts.query, safe="/?%:@!$&'()*+,;=~-._")
    return Sink(host, port or 443, f"{target}?{query}" if query else target)


def sample_line(probed: Probed, sample: Sample) -> bytes:
    """A line of JSON, with its end. What there is not is left out; `id`, `dataCenter` and `at` together stand for one
    sample, also where it is received twice."""
    told = {
        "namespace": probed.namespace,
        "check": probed.check,
        "id": probed.id,
        "region": probed.region,
        "dataCenter": probed.data_centre,
        **sample_fields(sample),
        **in_milliseconds(sample.waterfall),
    }
    kept = {name: value for name, value in told.items() if value not in (None, "")}
    return json.dumps(kept, separators=(",", ":"), ensure_ascii=False).encode(errors="replace") + b"\n"
