"""What a client's connection may take. Pure."""

from dataclasses import dataclass, field

from shield_proxy.wire.http.parse import HeadLimits


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """Seconds and sizes of the client's side."""

    keep_alive: float = 400
    """Between two requests."""
    request_head: float = 30
    """From the first byte of a head to its last."""
    send: float = 30
    """Without progress: of a body the client sends, or of bytes it takes."""
    body_grace: float = 30
    body_rate: float = 500
    """Bytes a second that a request's body must come with on average, after so many seconds of waiting for it."""
    linger: float = 2
    """After an early close, for the client to see the answer."""
    requests: int = 0
    """On one connection; its last answer closes it. 0: any number."""
    connections: int = 20_000
    held: int = 64 << 10
    """Bytes kept of requests behind one that is being answered, before the client is paused."""
    head: HeadLimits = field(default_factory=HeadLimits)
