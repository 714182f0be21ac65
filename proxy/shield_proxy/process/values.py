"""Values of settings: addresses, sizes, choices, shares, URLs. What can't be read is an InvalidField."""

import re
import socket
from urllib.parse import urlsplit

from shield_proxy.config.reading import InvalidField, Reader
from shield_proxy.tiers.settings import Addresses
from shield_proxy.wire.serving.trusted import TrustedProxies

MOST_NETWORKS = 1024
UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30}


def parse_address(text: str, path: str) -> tuple[str, int]:
    """Host and port of `host:port` or `[v6]:port`; InvalidField at `path` otherwise."""
    match = re.fullmatch(r"(?:\[([0-9a-fA-F:.%a-z]+)\]|([^\s:\[\]/]+)):(\d{1,5})", text)
    if match is None or int(match[3]) > 65535:
        raise InvalidField(path, f"must be HOST:PORT or [IPV6]:PORT, not {text!r}")
    return match[1] or match[2], int(match[3])


def parse_bytes(text: str, path: str) -> int:
    """Bytes of `268435456`, `256Mi`, `1G`; InvalidField at `path` otherwise."""
    match = re.fullmatch(r"(\d+)(Ki|Mi|Gi|k|M|G)?", text)
    if match is None:
        raise InvalidField(path, f"must be a number of bytes such as 256Mi, not {text!r}")
    return int(match[1]) * UNITS[match[2] or ""]


def everywhere(port: int, ipv6: bool) -> Addresses:
    """All addresses of the machine, of both families where it has both."""
    return (("0.0.0.0", port), ("::", port)) if ipv6 else (("0.0.0.0", port),)  # noqa: S104 - pods have one address


def has_ipv6() -> bool:
    """Whether this machine can listen on IPv6."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::", 0))
    except OSError:
        return False
    return True


def read_listen(section: Reader, name: str, port: int, ipv6: bool) -> Addresses:
    """Where a port listens; everywhere where nothing is said."""
    if name not in section.source:
        return everywhere(port, ipv6)
    texts = section.texts(name)
    return tuple(parse_address(text, f"{section.at(name)}[{i}]") for i, text in enumerate(texts))


def read_choice(top: Reader, key: str, allowed: tuple[str, ...], default: str | None = None) -> str:
    """One of the words allowed."""
    value = top.text(key, default)
    if value not in allowed:
        raise InvalidField(top.at(key), f"must be one of {', '.join(allowed)}, not {value!r}")
    return value


def read_bytes(top: Reader, key: str, default: int) -> int:
    """A number of bytes, as a number or as text."""
    value = top.source.get(key)
    if isinstance(value, str):
        return parse_bytes(value, top.at(key))
    return top.number(key, default)


def read_networks(top: Reader, key: str) -> tuple[str, ...]:
    """Networks and addresses, at most MOST_NETWORKS; a list, or in one text with commas between."""
    value = top.source.get(key)
    texts = tuple(part.strip() for part in value.split(",")) if isinstance(value, str) else top.texts(key)
    if len(texts) > MOST_NETWORKS:
        raise InvalidField(top.at(key), f"must have at most {MOST_NETWORKS} members, not {len(texts)}")
    for text in texts:
        try:
            TrustedProxies((text,))
        except ValueError as error:
            raise InvalidField(top.at(key), f"must be networks in CIDR notation, not {text!r}: {error}") from error
    return texts


def read_share(top: Reader, key: str, default: float) -> float:
    """A number from 0 to 1."""
    value = top.source.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise InvalidField(top.at(key), f"must be a number from 0 to 1, not {value!r}")
    return float(value)


def read_url(top: Reader, key: str) -> str | None:
    """A base URL of http or https, or None."""
    if not top.has(key):
        return None
    value = top.text(key)
    try:
        parts = urlsplit(value)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and not (parts.query or parts.fragment)
        usable = usable and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise InvalidField(top.at(key), f"must be http://HOST[:PORT] or https://HOST[:PORT], not {value!r}")
    return value
