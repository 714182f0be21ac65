"""Who waits for a connection to an upstream that has as many as it may have: first come, first served."""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Line(Generic[T]):
    """A queue of futures. Whoever gives up, or is cancelled, leaves no hole."""

    __slots__ = ("waiters",)

    def __init__(self) -> None:
        self.waiters: dict[asyncio.Future[T], None] = {}
        """In order."""

    def __len__(self) -> int:
        return len(self.waiters)

    def join(self, *, first: bool = False) -> asyncio.Future[T]:
        """A place: its result is what serve() gives. leave() must follow."""
        waiter: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self.waiters = {waiter: None, **self.waiters} if first else self.waiters
        self.waiters[waiter] = None
        return waiter

    def leave(self, waiter: asyncio.Future[T]) -> None:
        """Gives the place up; nothing happens if it was served."""
        self.waiters.pop(waiter, None)

    def serve(self, given: T) -> bool:
        """Gives to the first who still waits; False if nobody does."""
        while self.waiters:
            waiter = next(iter(self.waiters))
            del self.waiters[waiter]
            if not waiter.done():
                waiter.set_result(given)
                return True
        return False

    def fail(self, failure: Callable[[], Exception]) -> None:
        """Nobody waits any more: all are told why."""
        waiters, self.waiters = self.waiters, {}
        for waiter in waiters:
            if not waiter.done():
                waiter.set_exception(failure())
