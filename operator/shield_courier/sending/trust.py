"""Whose certificates are taken."""

import hashlib
import ssl

from shield_courier.sending.secrets import SecretProblem

MOST_KEPT = 16
"""Contexts of authorities that are not the machine's."""


class Trust:
    """TLS 1.2 or newer; certificates are verified, and names. The machine's authorities are loaded once. Of others,
    those that were used last are kept."""

    def __init__(self) -> None:
        self._machines: ssl.SSLContext | None = None
        self._others: dict[bytes, ssl.SSLContext] = {}

    def context(self, authority: str | None) -> ssl.SSLContext:
        """Of a client that takes what `authority` (PEM) vouches for, or, None, what the machine's authorities do.
        SecretProblem where the PEM holds no certificate."""
        if authority is None:
            if self._machines is None:
                self._machines = _context()
                self._machines.load_default_certs()
            return self._machines
        digest = hashlib.sha256(authority.encode()).digest()
        context = self._others.pop(digest, None) or _of(authority)
        self._others[digest] = context
        if len(self._others) > MOST_KEPT:
            del self._others[next(iter(self._others))]
        return context


def _of(authority: str) -> ssl.SSLContext:
    context = _context()
    try:
        context.load_verify_locations(cadata=authority)
    except (ssl.SSLError, ValueError):
        raise SecretProblem("the authority's Secret holds no certificates in PEM") from None
    return context


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # A private authority need not have every extension of RFC 5280, as long as it signed the certificate.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def tls_problem(error: ssl.SSLError) -> str:
    """What was wrong with the connection, without the server's name."""
    if isinstance(error, ssl.SSLCertVerificationError):
        # OpenSSL's own words name the host that was wanted where the certificate is another's.
        if error.verify_code in (62, 64):  # X509_V_ERR_HOSTNAME_MISMATCH, _IP_ADDRESS_MISMATCH
            return "TLS: the certificate is for other names"
        return f"TLS: the certificate is not trusted: {error.verify_message}"
    reason = (error.reason or "").replace("_", " ").lower()
    return f"TLS: {reason}" if reason else "TLS failed"
