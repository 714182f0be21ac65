"""An origin of a zone -> values. Every complaint is an InvalidField with the path."""

import re
from collections.abc import Sequence

from shield_operator.core.fields import optional, secret_name, unique
from shield_operator.core.hosts import is_dns_label, is_host, is_object_name, origin_address_problem
from shield_operator.core.spec import OriginSpec, ServiceRef, TlsSpec, WhenUnhealthy
from shield_proxy.config.fallbacks import MOST_FALLBACKS
from shield_proxy.config.reading import InvalidField, Reader
from shield_proxy.config.state import DEFAULT_MAX_CONNECTIONS, DEFAULT_RESPONSE_SECONDS

LONGEST_RESPONSE_SECONDS = 600
MOST_CONNECTIONS = 65535


def decode_origin(item: Reader) -> OriginSpec:
    """One of a zone's `origins`."""
    name = item.text("name")
    if not is_dns_label(name):
        raise InvalidField(item.at("name"), f"must be a DNS label, not {name!r}")
    address, service = _where(item)
    tls = _tls(item.section("tls")) if item.has("tls") else None
    header = optional(item, "hostHeader")
    if header is not None and not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:\d{1,5})?", header):
        raise InvalidField(item.at("hostHeader"), f"must be NAME or NAME:PORT, not {header!r}")
    check = _check(item)
    fallbacks, when = _fallbacks(item, check)
    return OriginSpec(
        name=name,
        address=address,
        service=service,
        port=item.number("port", 443 if tls else 80, least=1, most=65535),
        tls=tls,
        host_header=header,
        response_seconds=item.number(
            "responseTimeoutSeconds", round(DEFAULT_RESPONSE_SECONDS), least=1, most=LONGEST_RESPONSE_SECONDS
        ),
        max_connections=item.number("maxConnections", DEFAULT_MAX_CONNECTIONS, least=1, most=MOST_CONNECTIONS),
        check=check,
        fallbacks=fallbacks,
        when_unhealthy=when,
    )


def check_fallbacks(origins: Sequence[OriginSpec]) -> None:
    """InvalidField where an origin falls back to itself, or to what is no origin of the zone."""
    names = {origin.name for origin in origins}
    for i, origin in enumerate(origins):
        for j, name in enumerate(origin.fallbacks):
            path = f"spec.origins[{i}].fallbacks[{j}]"
            if name == origin.name:
                raise InvalidField(path, f"{name!r} is the origin itself")
            if name not in names:
                raise InvalidField(path, f"{name!r} is not the name of an origin")


def _check(item: Reader) -> str | None:
    name = optional(item, "healthCheck")
    if name is not None and not is_object_name(name):
        raise InvalidField(item.at("healthCheck"), f"must be the name of a HealthCheck, not {name!r}")
    return name


def _fallbacks(item: Reader, check: str | None) -> tuple[tuple[str, ...], WhenUnhealthy]:
    fallbacks = unique(item, "fallbacks", is_dns_label, "the name of an origin")
    if len(fallbacks) > MOST_FALLBACKS:
        raise InvalidField(item.at("fallbacks"), f"must have at most {MOST_FALLBACKS} names, not {len(fallbacks)}")
    when = item.choice("whenUnhealthy", WhenUnhealthy, WhenUnhealthy.TRY)
    if check is None and fallbacks:
        raise InvalidField(item.at("fallbacks"), "is of no use without a healthCheck")
    if check is None and when is not WhenUnhealthy.TRY:
        raise InvalidField(item.at("whenUnhealthy"), "is of no use without a healthCheck")
    return fallbacks, when


def _where(item: Reader) -> tuple[str | None, ServiceRef | None]:
    if item.has("address") == item.has("service"):
        raise InvalidField(item.path, "needs exactly one of address and service")
    if item.has("address"):
        address = item.text("address").lower()
        if problem := origin_address_problem(address):
            raise InvalidField(item.at("address"), problem)
        return address, None
    section = item.section("service")
    name = section.text("name")
    if not is_dns_label(name):
        raise InvalidField(section.at("name"), f"must be the name of a Service, not {name!r}")
    return None, ServiceRef(name)


def _tls(section: Reader) -> TlsSpec:
    tls = TlsSpec(
        server_name=optional(section, "serverName"),
        verify=section.flag("verify", True),
        ca_bundle=optional(section, "caBundle"),
        client_certificate=secret_name(section, "clientCertificate"),
    )
    if tls.server_name is not None and not is_host(tls.server_name, wildcard=False):
        raise InvalidField(section.at("serverName"), f"must be a lower-case DNS name, not {tls.server_name!r}")
    if tls.ca_bundle is not None and "-----BEGIN CERTIFICATE-----" not in tls.ca_bundle:
        raise InvalidField(section.at("caBundle"), "must hold PEM certificates")
    if not tls.verify and tls.ca_bundle is not None:
        raise InvalidField(section.path, "caBundle is of no use with verify: false")
    return tls
