"""A long-lived child process of the supervisor: started, started again when it ends, and gone when its task is."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path

AGAIN_SECONDS = 1.0
Say = Callable[[str], None]


async def keep(
    name: str,
    argv: Sequence[str | Path],
    log: Path,
    say: Say,
    *,
    stdin: bytes = b"",
    started: Callable[[int], None] | None = None,
) -> None:
    """Run until cancelled; the process is dead when this returns. `started` gets each new process id."""
    while True:
        ended = await once(argv, log, stdin=stdin, started=started)
        say(f"{name} ended with code {ended} and is started again; see {log}")
        await asyncio.sleep(AGAIN_SECONDS)


async def once(
    argv: Sequence[str | Path], log: Path, *, stdin: bytes = b"", started: Callable[[int], None] | None = None
) -> int:
    """The exit code of one run, whose output is appended to `log`. If cancelled the process is killed first."""
    with log.open("ab") as out:
        process = await asyncio.create_subprocess_exec(
            *argv, stdin=asyncio.subprocess.PIPE, stdout=out, stderr=out, start_new_session=True
        )
    try:
        if started:
            started(process.pid)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            await process.communicate(stdin)
        return await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
