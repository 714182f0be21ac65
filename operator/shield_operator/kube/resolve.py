"""Whether origins' names exist, asked of the resolver of the operator's pod. Only "no such name" counts."""

import asyncio
import ipaddress
import socket
import time
from collections.abc import Callable, Iterable, Mapping

FOUND_SECONDS = 60.0
"""How long a name that resolved is not asked again."""
UNKNOWN_SECONDS = 10.0
ASK_SECONDS = 3.0
"""How long a plan waits for an answer; without one the name counts as good."""
MOST_NAMES = 10_000
UNKNOWN = frozenset(code for name in ("EAI_NONAME", "EAI_NODATA") if (code := getattr(socket, name, None)) is not None)


class Resolver:
    """Answers of getaddrinfo with a cache; at most a few questions at a time, for each holds a thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, parallel: int = 8) -> None:
        self._clock = clock
        self._answers: dict[str, tuple[float, str | None]] = {}
        self._asking: dict[str, asyncio.Task[None]] = {}
        self._slots = asyncio.Semaphore(parallel)

    async def problems(self, names: Iterable[str]) -> Mapping[str, str]:
        """Name -> why it is unknown, for those that certainly are."""
        names = {name for name in names if not _is_address(name)}
        now = self._clock()
        due = [name for name in names if self._answers.get(name, (now - 1, None))[0] < now]
        # A question that an earlier plan has waited for is not waited for again: the resolver is slow or down.
        asked = [self._ask(name) for name in due if name not in self._asking]
        if asked:
            await asyncio.wait(asked, timeout=ASK_SECONDS)
        return {name: reason for name in sorted(names) if (reason := self._answers.get(name, (0.0, None))[1])}

    async def close(self) -> None:
        """Asks no more."""
        for task in self._asking.values():
            task.cancel()
        await asyncio.gather(*self._asking.values(), return_exceptions=True)

    def _ask(self, name: str) -> asyncio.Task[None]:
        task = asyncio.create_task(self._resolve(name))
        self._asking[name] = task
        task.add_done_callback(lambda _: self._asking.pop(name, None))
        return task

    async def _resolve(self, name: str) -> None:
        problem: str | None = None
        pause = FOUND_SECONDS
        try:
            async with self._slots:
                await asyncio.get_running_loop().getaddrinfo(name, None, type=socket.SOCK_STREAM)
        except socket.gaierror as error:
            # With any other error the resolver has a problem, not the name: that is asked again soon as well.
            pause = UNKNOWN_SECONDS
            if error.errno in UNKNOWN:
                problem = f"{name} does not resolve: {error.strerror}"
        except UnicodeError:
            problem, pause = f"{name} is not a DNS name", UNKNOWN_SECONDS
        if len(self._answers) >= MOST_NAMES:
            self._answers.clear()
        self._answers[name] = (self._clock() + pause, problem)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
