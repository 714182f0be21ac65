"""Which of the 17 reasons follows from what the network stack says. Pure."""

import errno
from enum import Enum

from shield_proxy.config.checks.reasons import Reason


class Stage(Enum):
    """How far an attempt has come: what it waits for."""

    DNS = "dns"
    TCP = "tcp"
    TLS = "tls"
    FIRST_BYTE = "first_byte"
    REST = "rest"


_ERRNO = {
    errno.ENETUNREACH: Reason.NETWORK_UNREACHABLE,
    errno.ENETDOWN: Reason.NETWORK_UNREACHABLE,
    errno.EADDRNOTAVAIL: Reason.NETWORK_UNREACHABLE,  # this machine has no address of the family
    errno.EAFNOSUPPORT: Reason.NETWORK_UNREACHABLE,
    errno.EHOSTUNREACH: Reason.NO_ROUTE,
    errno.EHOSTDOWN: Reason.NO_ROUTE,
    errno.ETIMEDOUT: Reason.TCP_TIMEOUT,
    errno.EMFILE: Reason.OTHER,  # the prober's own shortage says nothing of the origin
    errno.ENFILE: Reason.OTHER,
    errno.ENOBUFS: Reason.OTHER,
    errno.ENOMEM: Reason.OTHER,
}
_BROKEN = frozenset((errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED))


def of_errno(code: int | None, stage: Stage) -> Reason:
    """What an error of a socket's call means."""
    if code in _ERRNO:
        return _ERRNO[code]
    if code in _BROKEN:
        return Reason.RESET
    return Reason.TCP_FAILED if stage is Stage.TCP else Reason.OTHER  # refused, by the machine or by a firewall


def of_deadline(stage: Stage, unacknowledged: bool) -> Reason:
    """What it means that the time is over. `unacknowledged`: the peer's machine has not taken what was sent to it,
    which is the network's silence and not the server's."""
    if stage is Stage.DNS:
        return Reason.DNS_UNKNOWN_HOST
    return Reason.TCP_TIMEOUT if stage is Stage.TCP or unacknowledged else Reason.HTTP_TIMEOUT


_NAMES = (62, 64)
"""X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH."""


def of_certificate(verify_code: int) -> Reason:
    """What OpenSSL found wrong with a certificate: its name, or else that nobody trusted vouches for it now."""
    return Reason.TLS_NAME if verify_code in _NAMES else Reason.TLS_UNTRUSTED


def of_tls(library_reason: str) -> Reason:
    """What ended TLS otherwise, by the library's word for it: an alert of the peer, or bytes that are no TLS."""
    return Reason.TLS_UNRECOGNIZED_NAME if "UNRECOGNIZED_NAME" in library_reason else Reason.TLS_PROTOCOL


class ProbeFailed(Exception):
    """An attempt that ended without what was expected. `detail` says what was expected and what came; it is short,
    and holds nothing of headers that were sent or bodies that were received."""

    def __init__(self, reason: Reason, detail: str, *, timed_out: bool = False) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.timed_out = timed_out
        """A further attempt may be made."""
