"""A HealthCheck resource to a check, or what is wrong with it. Pure."""

import re
from collections.abc import Mapping
from typing import Any

from shield_proxy.config.checks.check import DEFAULT_CODES, Check, CheckType, HttpConfig, Method, TcpConfig
from shield_proxy.config.checks.hostnames import is_host, split_authority
from shield_proxy.config.reading import InvalidField, Reader

LEAST_INTERVAL, MOST_INTERVAL = 5, 3600
MOST_RETRIES, MOST_CONSECUTIVE = 5, 100
MOST_CODES, MOST_FIELDS, MOST_HEADER, MOST_PATH, MOST_EXPECTED = 32, 32, 8 << 10, 2 << 10, 10 << 10
"""Codes, fields, and bytes of all fields, of the path, and of what the body should hold."""
CODE = re.compile(r"[2-5](?:[0-9]{2}|xx)")
PATH = re.compile(r"/[\x21\x22\x24-\x7e]*")
_ID = re.compile(r"[0-9a-f]{32}")
_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
"""A token (RFC 9110, 5.6.2)."""
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\U0010ffff]*")
RESERVED = frozenset(
    (
        "connection", "content-length", "expect", "http2-settings", "keep-alive", "proxy-connection", "te", "trailer",
        "transfer-encoding", "upgrade", "user-agent",
    )
)  # fmt: skip
"""Fields that a check can't set: they would change what follows on the connection, or hide who asks."""


def decode_check(resource: Mapping[str, Any]) -> Check:
    """The check of a HealthCheck resource. InvalidField names what can't be run: no probe is sent then, and its
    samples say Monitor Configuration Error."""
    top = Reader(resource)
    metadata, spec = top.section("metadata"), top.section("spec")
    uid = metadata.text("uid").replace("-", "").lower()
    if _ID.fullmatch(uid) is None:
        raise InvalidField("metadata.uid", "must be 32 hexadecimal digits")
    address = spec.text("address")
    if not is_host(address):
        raise InvalidField("spec.address", f"must be a host name or an IP address, not {address[:80]!r}")
    kind = spec.choice("type", CheckType, CheckType.HTTP)
    interval = spec.number("interval", 60, LEAST_INTERVAL, MOST_INTERVAL)
    timeout = spec.number("timeout", 5, 1, MOST_INTERVAL)
    if timeout >= interval:
        raise InvalidField("spec.timeout", f"must be less than the interval of {interval} s, not {timeout}")
    other = "httpConfig" if kind is CheckType.TCP else "tcpConfig"
    if spec.has(other):
        raise InvalidField(f"spec.{other}", f"is not for checks of type {kind}")
    return Check(
        id=uid,
        name=metadata.text("name"),
        address=address,
        type=kind,
        regions=spec.texts("checkRegions"),
        interval=interval,
        timeout=timeout,
        retries=spec.number("retries", 2, 0, MOST_RETRIES),
        consecutive_fails=spec.number("consecutiveFails", 1, 1, MOST_CONSECUTIVE),
        consecutive_successes=spec.number("consecutiveSuccesses", 1, 1, MOST_CONSECUTIVE),
        suspended=spec.flag("suspended", default=False),
        http=_http(spec.section("httpConfig")),
        tcp=_tcp(spec.section("tcpConfig")),
    )


def _http(config: Reader) -> HttpConfig:
    method = config.choice("method", Method, Method.GET)
    path = config.text("path", "/")
    if len(path) > MOST_PATH or PATH.fullmatch(path) is None:
        raise InvalidField(
            config.at("path"), f"must begin with / and be of at most {MOST_PATH} printable ASCII letters"
        )
    codes = config.texts("expectedCodes") or DEFAULT_CODES
    for i, code in enumerate(codes):
        if i >= MOST_CODES or CODE.fullmatch(code) is None:
            raise InvalidField(config.at(f"expectedCodes[{i}]"), "must be a code such as 200 or a class such as 2xx")
    body = config.text("expectedBody", "") or None
    if body is not None and method is Method.HEAD:
        raise InvalidField(config.at("expectedBody"), "can't be met: responses to HEAD have no body")
    if body is not None and len(body.encode()) > MOST_EXPECTED:
        raise InvalidField(config.at("expectedBody"), f"must have at most {MOST_EXPECTED} bytes: no more are read")
    return HttpConfig(
        method=method,
        path=path,
        port=_port(config),
        expected_codes=codes,
        expected_body=body,
        follow_redirects=config.flag("followRedirects", default=False),
        allow_insecure=config.flag("allowInsecure", default=False),
        header=_header(config.section("header")),
    )


def _tcp(config: Reader) -> TcpConfig:
    method = config.text("method", "connection_established")
    if method != "connection_established":
        raise InvalidField(config.at("method"), "must be connection_established")
    return TcpConfig(_port(config))


def _header(header: Reader) -> tuple[tuple[str, str], ...]:
    """Values are not told: they may be secrets."""
    pairs = [(name, value) for name in header.source for value in _values(header, name)]
    if len(pairs) > MOST_FIELDS or sum(len(name) + len(value.encode()) + 4 for name, value in pairs) > MOST_HEADER:
        raise InvalidField(header.path, f"must have at most {MOST_FIELDS} fields and {MOST_HEADER} bytes")
    hosts = [value for name, value in pairs if name.lower() == "host"]
    if len(hosts) > 1 or (hosts and split_authority(hosts[0]) is None):
        raise InvalidField(header.at("Host"), "must be one host, which may be followed by a port")
    return tuple(pairs)


def _values(header: Reader, name: str) -> tuple[str, ...]:
    if not isinstance(name, str) or _NAME.fullmatch(name) is None:
        raise InvalidField(header.path, f"has a malformed name: {name!r:.80}")
    if name.lower() in RESERVED:
        raise InvalidField(header.at(name), "can't be set")
    values = header.texts(name)
    for i, value in enumerate(values):
        if _VALUE.fullmatch(value) is None:
            raise InvalidField(header.at(f"{name}[{i}]"), "holds control characters")
    return tuple(value.strip(" \t") for value in values)


def _port(config: Reader) -> int | None:
    return config.number("port", 0, 1, 65535) if config.has("port") else None
