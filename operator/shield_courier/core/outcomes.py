"""What became of an attempt."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Delivered:
    """The target has it."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The target does not have it, or not all of it."""

    message: str
    """For people: no secret, and no address that may be one."""
    permanent: bool = False
    """To repeat it without a change at the target will hardly help."""
    retry_after: float = 0.0
    """Seconds that the target asks to wait."""
    left: tuple[str, ...] = ()
    """Who is still to get it, where others already have it."""


Outcome = Delivered | Failed
