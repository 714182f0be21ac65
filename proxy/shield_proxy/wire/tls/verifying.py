"""How servers are verified that are nobody's of ours: origins, for requests and for probes."""

import ssl


def verify_servers(context: ssl.SSLContext, authorities: str | None, *, verified: bool = True) -> None:
    """Has a client's context take TLS 1.2 or newer, and certificates and names that `authorities` (PEM; None: the
    machine's) vouch for; not `verified`: any. SSLError or ValueError where the authorities are malformed."""
    if authorities is not None:
        context.load_verify_locations(cadata=authorities)
    elif verified:
        context.load_default_certs()
    # A private authority need not have every extension of RFC 5280, as long as it signed the certificate.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if not verified:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
