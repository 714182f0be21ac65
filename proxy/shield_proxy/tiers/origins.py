"""How origins are connected to: TLS contexts by what is trusted, made once."""

import ssl

from shield_proxy.config.state import Origin, OriginTls
from shield_proxy.wire.failures import UpstreamFailed
from shield_proxy.wire.pool import Endpoint, TlsIdentity


def origin_endpoint(origin: Origin) -> Endpoint:
    """The endpoint of an origin: zones with equal origins share connections."""
    tls = origin.tls
    security = None if tls is None else TlsIdentity(tls.server_name, tls.verify, tls.ca_bundle)
    return Endpoint(origin.host, origin.port, security)


class OriginContexts:
    """TLS contexts toward origins; certificates are verified unless the zone's owner said otherwise."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[tuple[bool, str | None], ssl.SSLContext] = {}

    def context(self, tls: OriginTls | None) -> ssl.SSLContext | None:
        """The context; None without TLS. UpstreamFailed where the bundle holds no certificate."""
        if tls is None:
            return None
        key = (tls.verify, tls.ca_bundle)
        known = self._known.get(key)
        if known is None:
            try:
                known = ssl.create_default_context(cadata=tls.ca_bundle)
            except (ssl.SSLError, ValueError) as error:
                raise UpstreamFailed("tls", f"caBundle: {error}") from error
            # A private authority need not have every extension of RFC 5280, as long as it signed the certificate.
            known.verify_flags &= ~ssl.VERIFY_X509_STRICT
            known.minimum_version = ssl.TLSVersion.TLSv1_2
            known.set_alpn_protocols(["http/1.1"])
            if not tls.verify:
                known.check_hostname = False
                known.verify_mode = ssl.CERT_NONE
            if len(self._known) >= 1000:
                self._known.clear()
            self._known[key] = known
        return known
