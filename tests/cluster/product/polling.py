"""Waiting for a claim to become true, with what was last seen in the complaint."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class NeverTrue(AssertionError):
    """A claim that did not become true in time."""


def poll(claim: str, look: Callable[[], T | bool | None], seconds: float, every: float = 0.5) -> T:
    """The first true value of `look`; an AssertionError inside it counts as not yet. NeverTrue after `seconds`."""
    deadline = time.monotonic() + seconds
    last: object = None
    while True:
        try:
            last = look()
            if last:
                return last  # type: ignore[return-value]
        except AssertionError as error:
            last = error
        if time.monotonic() > deadline:
            raise NeverTrue(f"not within {seconds:g} s: {claim}; last seen: {last}")
        time.sleep(every)
