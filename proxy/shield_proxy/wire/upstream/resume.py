"""A client's TLS context that resumes sessions (RFC 8446, 2.2): a further connection to a server costs no certificates
and signatures. asyncio has no parameter for it, so it is done where the connection's TLS is made."""

import ssl
import time
from collections.abc import Callable
from typing import Any

TRUSTED = 600.0
"""Seconds after a server has shown its certificate in which it is believed without."""
MOST = 1000


class ResumingContext(ssl.SSLContext):
    """Remembers by server name the last connection whose certificate was verified, for its session."""

    _latest: dict[str, tuple[ssl.SSLObject, float]]
    clock: Callable[[], float] = staticmethod(time.monotonic)

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        """See SSLContext; with the session of an earlier connection to the name."""
        known = self.__dict__.get("_latest", {}).get(server_hostname)
        if session is None and known is not None and self.clock() - known[1] < TRUSTED:
            session = known[0].session
        return super().wrap_bio(incoming, outgoing, server_side, server_hostname, session)

    def connected(self, connection: ssl.SSLObject) -> None:
        """The handshake of a connection is done."""
        name = connection.server_hostname
        if name is None:
            return
        latest: dict[Any, tuple[ssl.SSLObject, float]] = self.__dict__.setdefault("_latest", {})
        known = latest.get(name)
        shown = known[1] if known is not None and connection.session_reused else self.clock()
        if len(latest) >= MOST:
            latest.clear()
        latest[name] = (connection, shown)
