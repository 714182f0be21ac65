"""Names and addresses of hosts as text, and whether a certificate covers one. Pure."""

import ipaddress
import re
from collections.abc import Iterable

_LABEL = r"[0-9A-Za-z_](?:[0-9A-Za-z_-]{0,61}[0-9A-Za-z_])?"
_NAME = re.compile(rf"(?=.{{1,254}}\Z){_LABEL}(?:\.{_LABEL})*\.?")
_AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]]+)(?::([0-9]{1,5}))?")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def read_address(text: str) -> Address | None:
    """The IP address that the text is; None for names, and for addresses that only mean something on one link."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return None if "%" in text else address


def is_host(text: str) -> bool:
    """Whether it is an IP address without brackets, or a name that DNS can be asked for."""
    if read_address(text) is not None:
        return True
    # What ends in a number is an address that was miswritten, in forms that some programs take (1.2, 0x7f.1).
    return _NAME.fullmatch(text) is not None and re.search(r"(?:\A|\.)(?:[0-9]+|0[xX][0-9A-Fa-f]*)\.?\Z", text) is None


def split_authority(text: str) -> tuple[str, int | None] | None:
    """Host (without brackets) and port of a Host field; None where it is malformed."""
    parts = _AUTHORITY.fullmatch(text)
    if parts is None:
        return None
    bracketed = parts[1].startswith("[")
    host, port = parts[1].strip("[]"), int(parts[2]) if parts[2] else None
    if not is_host(host) or bracketed != (":" in host) or (port is not None and not 1 <= port <= 65535):
        return None
    return host, port


def join_authority(host: str, port: int, default: int) -> str:
    """The Host field for a host and port; a default port is left out."""
    bracketed = f"[{host}]" if ":" in host else host
    return bracketed if port == default else f"{bracketed}:{port}"


def covers(subjects: Iterable[tuple[str, str]], host: str) -> bool:
    """Whether a certificate's alternative names, as Python's ssl gives them, stand for the host (RFC 9525, 6.3):
    a wildcard is a whole first label, and stands for one label."""
    address = read_address(host)
    if address is not None:
        return any(kind == "IP Address" and read_address(name.strip()) == address for kind, name in subjects)
    wanted = host.lower().rstrip(".")
    _, _, parent = wanted.partition(".")
    for kind, name in subjects:
        claimed = name.lower().rstrip(".")
        if kind == "DNS" and (claimed == wanted or ("." in parent and claimed == f"*.{parent}")):
            return True
    return False
