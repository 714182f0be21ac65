"""How upstream requests fail, as a value. Pure."""

import errno
import ssl

TLS_KINDS = frozenset(("tls", "tls-expired", "tls-name", "tls-untrusted", "tls-protocol", "tls-client", "tls-timeout"))
"""The handshake broke off; the certificate is expired (or not valid yet), of another name, of no authority that is
trusted; no common version or cipher; our own certificate is missing or refused; it did not end in time."""
NOT_CONNECTED = TLS_KINDS | {"unresolved", "refused", "unreachable", "connect-timeout", "identity", "exhausted"}


class UpstreamFailed(Exception):
    """No response, or not a whole one.

    `kind`: one of NOT_CONNECTED (nothing was sent), or closed, response-timeout, send-timeout, idle-timeout,
    malformed, truncated (the request may have had effects).
    """

    def __init__(self, kind: str, detail: str = "") -> None:
        super().__init__(f"{kind}: {detail}" if detail else kind)
        self.kind = kind
        self.detail = detail

    @property
    def connected(self) -> bool:
        """The peer may have seen the request."""
        return self.kind not in NOT_CONNECTED


class NotAnswered(Exception):
    """Nobody said whether a name exists. `timed_out`: nobody said anything."""

    def __init__(self, why: str, *, timed_out: bool) -> None:
        super().__init__(why)
        self.timed_out = timed_out


OUR_SIDE = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))
LOCAL = frozenset((errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EACCES, errno.EPERM))
"""The network was not asked: this machine has no way there, of this family."""


def connect_failure(error: OSError) -> UpstreamFailed:
    """What an error of connect(2) means."""
    detail = error.strerror or str(error)
    if error.errno in OUR_SIDE:
        return UpstreamFailed("exhausted", detail)
    if error.errno == errno.ECONNREFUSED:
        return UpstreamFailed("refused", detail)
    return UpstreamFailed("connect-timeout" if error.errno == errno.ETIMEDOUT else "unreachable", detail)


def telling(error: OSError) -> int:
    """How much an address' failure says of the upstream: of several addresses the most telling one is told. Refused
    means that somebody is there; no route from here may only mean that this machine has one family."""
    if error.errno == errno.ECONNREFUSED:
        return 3
    if error.errno in LOCAL:
        return 0
    return 1 if error.errno == errno.ETIMEDOUT else 2


_EXPIRED = (9, 10)
"""X509_V_ERR_CERT_NOT_YET_VALID, X509_V_ERR_CERT_HAS_EXPIRED."""
_NAME = (62, 63, 64)
"""X509_V_ERR_HOSTNAME_MISMATCH, _EMAIL_, _IP_ADDRESS_."""
_CLIENT = ("CERTIFICATE_REQUIRED", "BAD_CERTIFICATE", "UNKNOWN_CA", "CERTIFICATE_UNKNOWN", "CERTIFICATE_EXPIRED")
_PROTOCOL = ("VERSION", "PROTOCOL", "CIPHER", "HANDSHAKE_FAILURE", "UNRECOGNIZED_NAME", "HTTP_REQUEST", "PACKET")


def tls_failure(error: OSError) -> UpstreamFailed:
    """What an error of a handshake means."""
    if isinstance(error, ssl.SSLCertVerificationError):
        code = error.verify_code
        kind = "tls-expired" if code in _EXPIRED else "tls-name" if code in _NAME else "tls-untrusted"
        return UpstreamFailed(kind, error.verify_message)
    if isinstance(error, ConnectionAbortedError):  # what event loops make of a handshake that has had its time
        return UpstreamFailed("tls-timeout", str(error))
    reason = getattr(error, "reason", None) or error.strerror or str(error) or "broken off"
    if isinstance(error, ssl.SSLError):
        for kind, words in (("tls-client", _CLIENT), ("tls-protocol", _PROTOCOL)):
            if any(word in reason for word in words):
                return UpstreamFailed(kind, reason)
    return UpstreamFailed("tls", reason)
