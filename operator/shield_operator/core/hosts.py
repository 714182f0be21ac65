"""What counts as a host, a data centre and an origin's address."""

import ipaddress
import re

_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_LOOSE_HOST = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*\.?")
_LABEL_VALUE = r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?"
_DATA_CENTER = re.compile(rf"{_LABEL_VALUE}(/{_LABEL_VALUE})?")


def is_dns_label(text: str) -> bool:
    """Whether it is a DNS label in lower case (RFC 1123)."""
    return re.fullmatch(_LABEL, text) is not None


def is_object_name(text: str) -> bool:
    """Whether it can name a Secret: DNS labels in lower case, separated by dots (RFC 1123)."""
    return len(text) <= 253 and _HOST.fullmatch(text) is not None


def is_network(text: str) -> bool:
    """Whether it is an IPv4 or IPv6 network in CIDR notation, without bits beyond its prefix."""
    try:
        return "/" in text and bool(ipaddress.ip_network(text))
    except ValueError:
        return False


def is_host(text: str, wildcard: bool = True) -> bool:
    """Whether it is a host of a zone: a lower-case DNS name of at most 253 characters, or `*.` and one."""
    name = text.removeprefix("*.") if wildcard else text
    return len(text) <= 253 and _HOST.fullmatch(name) is not None


def is_data_center(text: str) -> bool:
    """Whether it is `region` or `region/zone`, each a label value."""
    return _DATA_CENTER.fullmatch(text) is not None


def origin_address_problem(text: str) -> str | None:
    """Why a text is no address of an origin, or None. Addresses that mean the pod or node itself are none."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        # Resolvers take 127.1, 0x7f000001 and their kin for addresses.
        if re.fullmatch(r"[0-9]+|0x[0-9a-f]*", text.rstrip(".").rpartition(".")[2], re.IGNORECASE):
            return f"{text!r} is neither a DNS name nor an IP address"
        if len(text) > 253 or _LOOSE_HOST.fullmatch(text) is None:
            return f"must be a DNS name or an IP address, not {text!r}"
        if text.rstrip(".") == "localhost" or text.rstrip(".").endswith(".localhost"):
            return f"{text!r} is the proxy's own pod"
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if address.is_loopback or address.is_unspecified or address.is_link_local or address.is_multicast:
        return f"{text} is a loopback, link-local, multicast or unspecified address"
    return None
