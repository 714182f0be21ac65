"""TLS of probes: 1.2 or newer, no client certificates, the machine's authorities."""

import ssl
from functools import cached_property

from shield_proxy.wire.tls.verifying import verify_servers


class Trust:
    """The contexts of probes, made when the first check needs one: authorities cost megabytes."""

    def __init__(self, authorities: str | None = None) -> None:
        """`authorities`: certificates in PEM instead of the machine's."""
        self._authorities = authorities

    @cached_property
    def named(self) -> ssl.SSLContext:
        """OpenSSL verifies the chain, and the name or address that the connection is told."""
        return self._context(verified=True)

    @cached_property
    def unnamed(self) -> ssl.SSLContext:
        """It verifies the chain alone: a name that it is told would be sent as SNI."""
        context = self._context(verified=True)
        context.check_hostname = False
        return context

    @cached_property
    def insecure(self) -> ssl.SSLContext:
        """Nothing is verified."""
        return self._context(verified=False)

    def _context(self, *, verified: bool) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        verify_servers(context, self._authorities if verified else None, verified=verified)
        return context
