"""The targets of a HealthAlert resource, or what is wrong with them; and the Secrets that they name. Pure."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from shield_proxy.config.alerts.alert import (
    DEFAULT_PORT,
    Email,
    MailServer,
    Means,
    Opsgenie,
    OpsgenieRegion,
    PagerDuty,
    PagerDutyRegion,
    SecretKey,
    Security,
    Slack,
    Target,
    Teams,
    Webhook,
)
from shield_proxy.config.checks.hostnames import is_host
from shield_proxy.config.reading import InvalidField, Reader

MOST_TARGETS, MOST_RECIPIENTS, MOST_ADDRESS, MOST_URL = 10, 50, 254, 2048
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_SECRET = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
_KEY = re.compile(r"(?!\.\.)(?!\.\Z)[A-Za-z0-9._-]{1,253}")
"""Of a Secret; none that means another folder."""
_MAIL = re.compile(r"[^\s@<>(),;:\"\\\[\]\x00-\x20\x7f]{1,64}@[^\s@<>(),;:\"\\\x00-\x20\x7f]{1,253}")
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,128}")
"""A field's name (RFC 9110, 5.6.2)."""
RESERVED = frozenset(("connection", "content-length", "content-type", "host", "transfer-encoding", "user-agent"))
"""Fields that the webhook's secret can't be sent in."""


def decode_targets(resource: Mapping[str, Any]) -> tuple[Target, ...]:
    """The targets of a HealthAlert. InvalidField names what can't be used: nothing is told then."""
    spec = Reader(resource).section("spec")
    targets = spec.items("targets", _target)
    if not 1 <= len(targets) <= MOST_TARGETS:
        raise InvalidField("spec.targets", f"must be from 1 to {MOST_TARGETS}")
    names = [target.name for target in targets]
    if len(set(names)) < len(names):
        raise InvalidField("spec.targets", "must have different names")
    return targets


def secret_keys(target: Target) -> tuple[SecretKey, ...]:
    """What is read of Secrets for a target, each once, sorted."""
    return tuple(sorted({key for key in _keys(target.means) if key is not None}, key=lambda key: key.path))


def _keys(means: Means) -> Iterator[SecretKey | None]:
    match means:
        case Email(server=server):
            yield from (server.username, server.password, server.authority)
        case Webhook(url=url):
            yield from (url if isinstance(url, SecretKey) else None, means.secret, means.authority)
        case Slack(url=secret) | Teams(url=secret) | PagerDuty(routing_key=secret) | Opsgenie(api_key=secret):
            yield secret


def _target(item: Reader) -> Target:
    name = item.text("name")
    if _NAME.fullmatch(name) is None:
        raise InvalidField(item.at("name"), "must be a DNS label: small letters, digits and dashes")
    given = [means for means in READERS if item.has(means)]
    if len(given) != 1:
        raise InvalidField(item.path, f"must have exactly one of {', '.join(READERS)}")
    return Target(name, READERS[given[0]](item.section(given[0])))


def _email(item: Reader) -> Email:
    to = item.texts("to")
    if not 1 <= len(to) <= MOST_RECIPIENTS:
        raise InvalidField(item.at("to"), f"must have from 1 to {MOST_RECIPIENTS} addresses")
    for i, address in enumerate(to):
        _mail_address(address, item.at(f"to[{i}]"))
    return Email(to, _mail_address(item.text("from"), item.at("from")), _server(item.section("server")))


def _mail_address(text: str, path: str) -> str:
    if len(text) > MOST_ADDRESS or _MAIL.fullmatch(text) is None:
        raise InvalidField(path, "must be an address such as ops@example.com, without a name")
    return text


def _server(item: Reader) -> MailServer:
    host = item.text("host")
    if not is_host(host):
        raise InvalidField(item.at("host"), f"must be a host name or an IP address, not {host[:80]!r}")
    security = item.choice("security", Security, Security.START_TLS)
    username = password = None
    if item.has("credentials"):
        if security is Security.NONE:
            raise InvalidField(item.at("credentials"), "would be sent in plain text: set security to StartTLS or TLS")
        credentials = item.section("credentials")
        username = _secret_key(credentials, "username", "usernameKey")
        password = _secret_key(credentials, "password", "passwordKey")
    return MailServer(
        host=host,
        port=item.number("port", DEFAULT_PORT[security], 1, 65535),
        security=security,
        username=username,
        password=password,
        authority=_optional(item, "authority", "ca.crt"),
    )


def _webhook(item: Reader) -> Webhook:
    if item.has("url") == item.has("urlFrom"):
        raise InvalidField(item.path, "must have exactly one of url, urlFrom")
    header = item.text("header", "Shield-Webhook-Auth")
    if _TOKEN.fullmatch(header) is None or header.lower() in RESERVED:
        raise InvalidField(item.at("header"), "must be the name of a field that can be set")
    return Webhook(
        url=_url(item) if item.has("url") else _secret_key(item.section("urlFrom"), "url"),
        secret=_optional(item, "secret", "secret"),
        header=header,
        authority=_optional(item, "authority", "ca.crt"),
    )


def _url(item: Reader) -> str:
    text = item.text("url")
    if (problem := url_problem(text)) is not None:
        raise InvalidField(item.at("url"), problem)
    return text


def url_problem(text: str) -> str | None:
    """Why nothing can be sent to the URL; None: it can. The URL itself is not told: it may be a secret."""
    malformed = f"must be a URL of http or https, with a host, of at most {MOST_URL} ASCII letters"
    if len(text) > MOST_URL or re.fullmatch(r"[\x21-\x7e]+", text) is None:
        return malformed
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        return malformed
    if parts.scheme not in ("http", "https") or not host or not is_host(host) or port == 0:
        return malformed
    if "@" in parts.netloc:
        return "must not hold a password: name the secret's header, or take the URL from a Secret"
    return None


def _pager_duty(item: Reader) -> PagerDuty:
    region = item.choice("region", PagerDutyRegion, PagerDutyRegion.US)
    return PagerDuty(_secret_key(item.section("routingKeyFrom"), "routingKey"), region)


def _opsgenie(item: Reader) -> Opsgenie:
    region = item.choice("region", OpsgenieRegion, OpsgenieRegion.US)
    return Opsgenie(_secret_key(item.section("apiKeyFrom"), "apiKey"), region)


READERS: Mapping[str, Callable[[Reader], Means]] = {
    "email": _email,
    "webhook": _webhook,
    "slack": lambda item: Slack(_secret_key(item.section("urlFrom"), "url")),
    "teams": lambda item: Teams(_secret_key(item.section("urlFrom"), "url")),
    "pagerDuty": _pager_duty,
    "opsgenie": _opsgenie,
}


def _optional(item: Reader, name: str, default: str) -> SecretKey | None:
    return _secret_key(item.section(name), default) if item.has(name) else None


def _secret_key(item: Reader, default: str, key: str = "key") -> SecretKey:
    secret, chosen = item.text("secretName"), item.text(key, default)
    if _SECRET.fullmatch(secret) is None or ".." in secret:
        raise InvalidField(item.at("secretName"), "must be the name of a Secret")
    if _KEY.fullmatch(chosen) is None:
        raise InvalidField(item.at(key), "must be a key of a Secret")
    return SecretKey(secret, chosen)
