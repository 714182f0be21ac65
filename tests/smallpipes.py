"""Pipes for tests of logs that nobody reads."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

SIZE = 4096
"""Bytes that a small pipe takes."""


@contextmanager
def small_pipe() -> Iterator[tuple[int, int]]:
    """Read end and write end; the block may close them itself."""
    ends = os.pipe()
    fcntl.fcntl(ends[1], fcntl.F_SETPIPE_SZ, SIZE)
    yield ends
    for end in ends:
        with suppress(OSError):
            os.close(end)
