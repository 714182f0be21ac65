"""Certificates of zones: which one a name gets, and contexts that follow the files they were made from.

Each certificate has a context of its own, so a session ticket of one can't resume a connection under another: their
keys differ. A context made anew (a renewed certificate, or a ticket key that got old) forgets the former one's tickets.
"""

import hashlib
import logging
import re
import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from shield_proxy.config.reports import Problem
from shield_proxy.config.state import Zone
from shield_proxy.wire.http.hosts import HostMap
from shield_proxy.wire.tls.hops import CHAIN, KEY
from shield_proxy.wire.tls.x509 import not_after

log = logging.getLogger(__name__)
TICKET_SECONDS = 12 * 3600.0
"""A ticket's key is used so long at most."""
MOST_SESSIONS = 1000
"""Sessions that clients without tickets make OpenSSL keep; past it the context is made anew."""
CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""Of TLS 1.2; version 1.3 has only good ones."""
_SECRET = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?")
Pair = tuple[Path, Path]
"""Files of a certificate chain and of its key."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A certificate in use."""

    context: ssl.SSLContext
    digest: bytes
    """Of the files' bytes."""
    expires: float
    """Seconds since the epoch."""
    since: float
    """When the context was made, on the clock."""


class Certificates:
    """The certificates that zones name. `look()` reads files and may run in a thread; the rest is for the loop."""

    def __init__(
        self,
        directory: Path,
        pairs: Mapping[str, Pair] | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """Certificates are DIRECTORY/NAME/tls.crt and tls.key, or the files that `pairs` has for a name."""
        self._directory, self._pairs = directory, pairs or {}
        self._clock, self._wall = clock, wall
        self._zones: tuple[Zone, ...] = ()
        self._names: HostMap[str] = HostMap(())
        self._loaded: dict[str, Loaded] = {}
        self._complaints: dict[str, tuple[str, str]] = {}
        """Name -> (reason as in Problem, message), of those whose files can't be used now."""

    def use(self, zones: Iterable[Zone]) -> None:
        """From now on hosts get what these zones name, as far as it is loaded; look() loads the rest."""
        zones = tuple(zones)
        # A zone without a certificate keeps its hosts from the wildcards of others, as it does for requests.
        self._names = HostMap((host, zone.certificate or "") for zone in zones for host in zone.hosts)
        self._zones = tuple(zone for zone in zones if zone.certificate is not None)

    def find(self, server_name: str | None) -> ssl.SSLContext | None:
        """The context for a name in lower case; None where no zone has the name, or its certificate is not there.
        Without a name only the certificate of a zone for every host (`*`) will do."""
        loaded = self._loaded.get(self._names.find(server_name or "") or "")
        return None if loaded is None else loaded.context

    def look(self) -> None:
        """What the files hold now is in use; where they can't be used the former certificate stays, and the reason is
        logged once."""
        wanted = {zone.certificate for zone in self._zones if zone.certificate is not None}
        for name in sorted(wanted):
            try:
                try:
                    self._take(name)
                except FileNotFoundError:
                    self._take(name)  # the version that the links led to is gone, and another there
            except FileNotFoundError as error:
                self._complain(name, "SecretMissing", f"{error.filename} does not exist")
            except (OSError, ValueError) as error:
                self._complain(name, "CertificateInvalid", str(error))
            else:
                if self._complaints.pop(name, None) is not None:
                    log.info("certificate %s is usable", name)
        for name in (self._loaded.keys() | self._complaints.keys()) - wanted:
            self._loaded.pop(name, None)
            self._complaints.pop(name, None)

    def _take(self, name: str) -> None:
        chain, key = self._files(name)
        digest = hashlib.sha256(chain.read_bytes() + b"\n" + key.read_bytes()).digest()
        before, now = self._loaded.get(name), self._clock()
        if before is not None and before.digest == digest and not _worn_out(before, now):
            return
        expires = not_after(chain.read_text("latin-1"))
        self._loaded[name] = Loaded(server_context(chain, key), digest, expires, now)
        if before is None or before.digest != digest:
            log.info("certificate %s is in use", name)

    def _files(self, name: str) -> Pair:
        """Where the links lead now that the kubelet turns over, so that both files are of one version."""
        if name in self._pairs:
            return self._pairs[name]
        if _SECRET.fullmatch(name) is None:
            raise ValueError("not the name of a Secret")
        here = (self._directory / name).resolve()
        version = here / "..data"
        here = version.resolve() if version.exists() else here
        return here / CHAIN, here / KEY

    def _complain(self, name: str, reason: str, message: str) -> None:
        if self._complaints.get(name) != (reason, message):
            kept = ", the former one stays in use" if name in self._loaded else ""
            log.error("certificate %s can't be used%s: %s", name, kept, message)
        self._complaints[name] = reason, message

    def problems(self) -> Iterator[Problem]:
        """What zones name and can't be used now, and what has expired."""
        now = self._wall()
        for zone in self._zones:
            name = zone.certificate or ""
            complaint, loaded = self._complaints.get(name), self._loaded.get(name)
            if complaint is not None:
                yield Problem(zone.uid, complaint[0], f"Secret {name}: {complaint[1]}")
            elif loaded is not None and loaded.expires <= now:
                yield Problem(zone.uid, "CertificateExpired", f"Secret {name}: the certificate has expired")

    def states(self) -> dict[str, int]:
        """Certificates by what their files are at the last look."""
        states = {"loaded": 0, "missing": 0, "broken": 0}
        for name in {zone.certificate or "" for zone in self._zones}:
            reason = self._complaints.get(name, ("", ""))[0]
            if reason:
                states["missing" if reason == "SecretMissing" else "broken"] += 1
            elif name in self._loaded:
                states["loaded"] += 1
        return states

    def expiries(self) -> Iterator[tuple[str, float]]:
        """(namespace/name of the zone, end of the certificate in use in seconds since the epoch)."""
        for zone in self._zones:
            loaded = self._loaded.get(zone.certificate or "")
            if loaded is not None:
                yield f"{zone.namespace}/{zone.name}", loaded.expires


def _worn_out(loaded: Loaded, now: float) -> bool:
    kept = int(loaded.context.session_stats()["number"])
    return now - loaded.since > TICKET_SECONDS or kept > MOST_SESSIONS


def server_context(chain: Path, key: Path) -> ssl.SSLContext:
    """A context for clients of any kind; ValueError when the files are not a certificate and its key."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE  # all are good: clients know which their hardware is fast at
    context.num_tickets = 1
    context.set_alpn_protocols(["http/1.1"])
    try:
        # An empty password: an encrypted key is refused here instead of asked for on a terminal.
        context.load_cert_chain(chain, key, password="")
    except ssl.SSLError as error:
        raise ValueError(f"{CHAIN} and {KEY} are not a certificate and its key: {error.reason or error}") from error
    return context
