"""Running the system's commands: one place that says which command failed and what it said."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path


class CommandFailed(Exception):
    """A command ended with another code than 0. Its text names the command and the end of what it said."""


def run(*argv: str | Path, stdin: str | None = None, cwd: Path | None = None, timeout: float = 600) -> str:
    """What the command printed, once it ended well; CommandFailed otherwise, also after `timeout` seconds."""
    words = [str(word) for word in argv]
    try:
        ended = subprocess.run(  # noqa: UP022 - both streams go to one text
            words,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            cwd=cwd,
            timeout=timeout,
            check=False,
        )
    except FileNotFoundError:
        raise CommandFailed(f"{words[0]}: no such command") from None
    except subprocess.TimeoutExpired:
        raise CommandFailed(f"{' '.join(words)}: not done after {timeout:.0f} s") from None
    if ended.returncode:
        said = (ended.stdout[-2000:] + ended.stderr[-2000:]).strip()
        raise CommandFailed(f"{' '.join(words)}: exit code {ended.returncode}\n{said}")
    return ended.stdout


def quiet(*argv: str | Path) -> bool:
    """Whether the command ended well; what it says is dropped."""
    try:
        run(*argv)
    except CommandFailed:
        return False
    return True


def ip_batch(lines: Iterable[str], namespace: str | None = None) -> None:
    """All these `ip` commands have been carried out, in order; CommandFailed names the first that could not."""
    inside: Sequence[str] = ("-n", namespace) if namespace else ()
    run("ip", *inside, "-batch", "-", stdin="\n".join(lines) + "\n")
