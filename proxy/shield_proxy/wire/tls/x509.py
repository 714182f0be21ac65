"""When a certificate ends: the one thing to know of it that Python's ssl does not tell of a server's own. Pure."""

import ssl
from datetime import UTC, datetime

_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
_VERSION, _UTC_TIME, _GENERALIZED_TIME = 0xA0, 0x17, 0x18


def not_after(pem: str) -> float:
    """Seconds since the epoch at which the first certificate of the text ends (RFC 5280, 4.1.2.5); ValueError."""
    start, end = pem.find(_BEGIN), pem.find(_END)
    if start < 0 or end < start:
        raise ValueError("holds no certificate")
    try:
        certificate = ssl.PEM_cert_to_DER_cert(pem[start : end + len(_END)])
        _, fields, _ = _element(_element(certificate)[1])
        kind, _, rest = _element(fields)
        if kind != _VERSION:
            rest = fields
        for _ in ("serial number", "signature", "issuer"):
            _, _, rest = _element(rest)
        _, validity, _ = _element(rest)
        _, _, rest = _element(validity)
        kind, text, _ = _element(rest)
        return _seconds(kind, text.decode("ascii"))
    except (IndexError, ValueError) as error:
        raise ValueError("holds a malformed certificate") from error


def _seconds(kind: int, text: str) -> float:
    if kind == _UTC_TIME:
        text = ("19" if text >= "50" else "20") + text
    elif kind != _GENERALIZED_TIME:
        raise ValueError("not a time")
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC).timestamp()


def _element(source: bytes) -> tuple[int, bytes, bytes]:
    """Tag and content of the first DER element, and what follows it."""
    length, start = source[1], 2
    if length & 0x80:
        start += length & 0x7F
        length = int.from_bytes(source[2:start], "big")
    if start + length > len(source):
        raise ValueError("cut short")
    return source[0], source[start : start + length], source[start + length :]
