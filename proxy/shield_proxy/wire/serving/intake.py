"""The body of a request that is being read: decoded from the connection's bytes, handed to whoever answers."""

from shield_proxy.wire.flow.channel import Channel
from shield_proxy.wire.flow.inflow import Inflow
from shield_proxy.wire.http.body import decoder_for
from shield_proxy.wire.http.message import Framing, Refused
from shield_proxy.wire.serving.limits import ServerLimits


class Intake:
    """A body on its way in; a slow reader pauses the channel."""

    __slots__ = ("_decoder", "_looked", "_waited", "body", "broken")

    def __init__(self, framing: Framing, channel: Channel) -> None:
        self._decoder = decoder_for(framing)
        self.body = Inflow(channel.pause, channel.resume)
        self._looked: float | None = None
        self._waited = 0.0
        """Seconds in which somebody waited for the client to send more."""
        self.broken = False
        """Its bytes were malformed: nothing after them can be understood."""

    @property
    def open(self) -> bool:
        """More bytes of the connection belong to it."""
        return not self._decoder.done and not self.broken

    def too_slow(self, now: float, limits: ServerLimits) -> bool:
        """Whether the client sends more slowly than the limits allow; ask about once a second.

        Only time in which somebody waits for more counts, so that nobody pays for a slow origin.
        """
        waiting = self.open and self.body.wanted
        if waiting and self._looked is not None:
            self._waited += now - self._looked
        self._looked = now if waiting else None
        return waiting and self.body.total < (self._waited - limits.body_grace) * limits.body_rate

    def feed(self, received: bytes) -> bytes:
        """Takes what belongs to the body; gives back what follows it."""
        try:
            pieces, rest = self._decoder.feed(received)
        except Refused as refused:
            self.broken = True
            self.body.fail(refused)
            return b""
        for piece in pieces:
            self.body.push(piece)
        if self._decoder.done:
            self.body.end(self._decoder.trailers)
        return rest
