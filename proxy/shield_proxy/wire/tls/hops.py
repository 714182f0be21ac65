"""Mutual TLS between pods of a fleet and the operator: contexts that outlive a renewal, and who the peer is.

Trust is the fleet's CA bundle and the URI in the certificate; names in certificates are not looked at.
"""

import ssl
from pathlib import Path

from shield_proxy.config.identity import Identity, parse_identity

CHAIN, KEY, TRUST = "tls.crt", "tls.key", "ca.crt"


class HopTls:
    """The two contexts of a process, replaced together by `reload`.

    `server` is one object for life and may be given to a listener once: at each ClientHello it moves the connection
    to the context loaded last. `client` is the context loaded last: take it anew for each connection.
    """

    __slots__ = ("_accepting", "_client", "_directory", "_server")

    def __init__(self, directory: Path) -> None:
        """Loads; ValueError naming the file that can't be used."""
        self._directory = directory
        self._accepting, self._client = _load(directory)
        self._server, _ = _load(directory)
        self._server.sni_callback = self._newest

    @property
    def server(self) -> ssl.SSLContext:
        """For listeners: demands a client certificate of the bundle."""
        return self._server

    @property
    def client(self) -> ssl.SSLContext:
        """For connections to peers: presents the leaf, demands a certificate of the bundle."""
        return self._client

    def reload(self) -> None:
        """New connections use what the directory holds now; ValueError names the file, and all stays as it was."""
        self._accepting, self._client = _load(self._directory)

    def _newest(self, connection: ssl.SSLObject, _name: str | None, _first: ssl.SSLContext) -> None:
        connection.context = self._accepting


def load_hop_tls(directory: Path) -> HopTls:
    """The contexts of a directory with tls.crt, tls.key and ca.crt; ValueError naming the file that can't be used."""
    return HopTls(directory)


def peer_identity(connection: ssl.SSLObject | ssl.SSLSocket | None) -> Identity | None:
    """Whom the peer's verified certificate names: by exactly one URI, which is of this product; else None."""
    certificate = connection.getpeercert() if connection is not None else None
    names = certificate.get("subjectAltName", ()) if certificate else ()
    uris = [str(name[1]) for name in names if name[0] == "URI"]
    return parse_identity(uris[0]) if len(uris) == 1 else None


def _load(directory: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Server and client contexts. A mounted Secret is read through its `..data` link, so that files of one version
    are read even while the kubelet swaps it."""
    here = directory / "..data"
    here = here.resolve() if here.exists() else directory
    contexts = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for context in contexts:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_REQUIRED
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        # Without tickets every connection shows its certificate: none outlives a CA that was taken away.
        context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_COMPRESSION
        _load_trust(context, here / TRUST, directory / TRUST)
        _load_leaf(context, here, directory)
    contexts[0].num_tickets = 0
    return contexts


def _load_trust(context: ssl.SSLContext, path: Path, shown: Path) -> None:
    try:
        context.load_verify_locations(cadata=path.read_text("ascii"))
    except (OSError, UnicodeDecodeError, ValueError, ssl.SSLError) as error:
        raise ValueError(f"{shown}: not a readable bundle of CA certificates: {_reason(error)}") from error


def _load_leaf(context: ssl.SSLContext, here: Path, shown: Path) -> None:
    for name in (CHAIN, KEY):
        try:
            (here / name).read_bytes()
        except OSError as error:
            raise ValueError(f"{shown / name}: {_reason(error)}") from error
    try:
        # An empty password: an encrypted key is refused here instead of asked for on a terminal.
        context.load_cert_chain(here / CHAIN, here / KEY, password="")
    except (OSError, ValueError, ssl.SSLError) as error:
        raise ValueError(f"{shown / CHAIN} and {KEY}: not a certificate and its key: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror and not isinstance(error, ssl.SSLError):
        return error.strerror
    return getattr(error, "reason", None) or str(error)
