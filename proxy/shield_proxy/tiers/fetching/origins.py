"""How origins are connected to: endpoints, and TLS contexts by what is trusted and shown, made once."""

import logging
import ssl
from collections.abc import Callable
from pathlib import Path

from shield_proxy.config.state import Origin, OriginTls
from shield_proxy.wire.tls.hops import CHAIN, KEY
from shield_proxy.wire.tls.verifying import verify_servers
from shield_proxy.wire.upstream.endpoint import Endpoint, TlsIdentity
from shield_proxy.wire.upstream.failures import UpstreamFailed
from shield_proxy.wire.upstream.resume import ResumingContext

log = logging.getLogger(__name__)
LOOK = 1.0
"""Seconds between two looks at the files of a client certificate."""
MOST = 1000

Files = tuple[tuple[int, int, int], ...]


def origin_endpoint(origin: Origin) -> Endpoint:
    """The endpoint of an origin: zones with equal origins share connections."""
    tls = origin.tls
    security = None if tls is None else TlsIdentity(tls.server_name, tls.verify, tls.ca_bundle, tls.client_certificate)
    return Endpoint(origin.host, origin.port, security)


class _Made:
    __slots__ = ("context", "files", "looked")

    def __init__(self, context: ssl.SSLContext, files: Files, looked: float) -> None:
        self.context, self.files, self.looked = context, files, looked


class OriginContexts:
    """TLS contexts toward origins; certificates are verified unless the zone's owner said otherwise."""

    __slots__ = ("_clock", "_directory", "_made", "_renewed")

    def __init__(self, directory: Path | None, clock: Callable[[], float], renewed: Callable[[str], None]) -> None:
        """`directory` holds a folder for each Secret with a client certificate; `renewed` is told the Secret whose
        files have changed: connections that showed the former ones should not be used again."""
        self._directory, self._clock, self._renewed = directory, clock, renewed
        self._made: dict[tuple[bool, str | None, str | None], _Made] = {}

    def context(self, tls: OriginTls | None) -> ssl.SSLContext | None:
        """The context for a new connection; None without TLS. UpstreamFailed where the bundle holds no certificate,
        or the client certificate can't be used."""
        if tls is None:
            return None
        key = (tls.verify, tls.ca_bundle, tls.client_certificate)
        made, now = self._made.get(key), self._clock()
        if made is not None and (tls.client_certificate is None or now - made.looked < LOOK):
            return made.context
        files = self._look(tls.client_certificate) if tls.client_certificate is not None else ()
        if made is not None and made.files == files:
            made.looked = now
            return made.context
        context = self._make(tls, made)
        if len(self._made) >= MOST:
            self._made.clear()
        self._made[key] = _Made(context, files, now)
        if made is not None and tls.client_certificate is not None and context is not made.context:
            self._renewed(tls.client_certificate)
        return context

    def _make(self, tls: OriginTls, former: _Made | None) -> ssl.SSLContext:
        context = ResumingContext(ssl.PROTOCOL_TLS_CLIENT)
        try:
            verify_servers(context, tls.ca_bundle, verified=tls.verify)
        except (ssl.SSLError, ValueError) as error:
            raise UpstreamFailed("tls", f"caBundle: {error}") from error
        context.set_alpn_protocols(["http/1.1"])
        if tls.client_certificate is not None:
            try:
                self._show(context, tls.client_certificate)
            except UpstreamFailed as failure:
                if former is None:
                    raise
                log.warning("%s; the former certificate stays in use", failure.detail)
                return former.context
        return context

    def _show(self, context: ssl.SSLContext, secret: str) -> None:
        here = self._folder(secret)
        try:
            # An empty password: an encrypted key is refused here instead of asked for on a terminal.
            context.load_cert_chain(here / CHAIN, here / KEY, password="")
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", None) or str(error)
            raise UpstreamFailed("tls-client", f"Secret {secret}: not a certificate and its key: {reason}") from error

    def _look(self, secret: str) -> Files:
        here = self._folder(secret)
        try:
            stats = [(here / name).stat() for name in (CHAIN, KEY)]
        except OSError as error:
            raise UpstreamFailed("tls-client", f"Secret {secret}: {error.strerror}: {error.filename}") from error
        return tuple((stat.st_ino, stat.st_mtime_ns, stat.st_size) for stat in stats)

    def _folder(self, secret: str) -> Path:
        """Where the links lead now that the kubelet turns over, so that both files are of one version."""
        if self._directory is None:
            raise UpstreamFailed("tls-client", f"Secret {secret}: this process has no folder of client certificates")
        here = (self._directory / secret).resolve()
        link = here / "..data"
        return link.resolve() if link.exists() else here
