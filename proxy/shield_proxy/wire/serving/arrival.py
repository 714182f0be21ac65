"""How a connection came to its port: who is at the other end, and what is known before its first request. Pure."""

from dataclasses import dataclass

from shield_proxy.wire.fast.plain import MARKS


@dataclass(frozen=True, slots=True)
class Arrival:
    """What holds for all requests of a connection."""

    peer: str = ""
    """The other end's address: of the connection, or as a PROXY header tells it."""
    trusted: bool = False
    """It is a proxy whose word on its clients counts."""
    scheme: bytes = b"http"
    server_name: str | None = None
    """For which name TLS was agreed on; empty where the client named none, None without TLS."""

    @property
    def mark(self) -> bytes:
        """What raw names of resources begin with for this connection (see wire.fast).

        Under TLS it holds the server name: what was looked up for one name is not found on a connection that was
        secured for another, so that each host is checked once against each name (RFC 9110, 7.4). A trusted proxy
        secures connections for many hosts, whatever name it gives.
        """
        mark = MARKS[self.scheme]
        return b"%s%s\x00" % (mark, self.server_name.encode()) if self.server_name and not self.trusted else mark


NOWHERE = Arrival()
