"""A log that nobody reads holds nothing up: it waits in a thread, bounded, and what is beyond is refused."""

import logging
import os
import threading
import time
from collections.abc import Iterator

import pytest

from shield_proxy.wire.logoutlet import LogOutlet, OutletLog
from smallpipes import small_pipe

LINE = "x" * 1023 + "\n"


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """A small pipe: read end, write end."""
    with small_pipe() as ends:
        yield ends


def drained(read: int, size: int) -> bytes:
    """So many bytes of the pipe."""
    found = b""
    while len(found) < size:
        found += os.read(read, size - len(found))
    return found


def test_a_pipe_that_nobody_reads_takes_a_bounded_share_and_no_time(pipe: tuple[int, int]) -> None:
    read, write = pipe
    outlet = LogOutlet(write, most=64 << 10)
    began = time.monotonic()
    taken = sum(outlet.offer(LINE) for _ in range(1000))
    assert time.monotonic() - began < 1
    assert 64 <= taken < 80
    assert outlet.refused == 1000 - taken
    assert not outlet.close(0.05)
    assert not outlet.offer(LINE)
    drained(read, 4096)  # lets the thread go before the pipe does


def test_who_begins_to_read_gets_whole_lines_in_order_and_the_outlet_takes_more(pipe: tuple[int, int]) -> None:
    read, write = pipe
    outlet = LogOutlet(write, most=64 << 10)
    lines = [f"{number:0100d}\n" for number in range(5000)]
    taken = [line for line in lines if outlet.offer(line)]
    assert len(taken) < len(lines)
    text = "".join(taken).encode()
    assert drained(read, len(text)) == text
    assert outlet.offer("more\n")
    assert drained(read, 5) == b"more\n"
    assert outlet.close(5)


def test_all_that_was_taken_is_written_before_the_end(pipe: tuple[int, int]) -> None:
    read, write = pipe
    outlet = LogOutlet(write)
    for _ in range(100):
        assert outlet.offer(LINE)
    found: list[bytes] = []
    reader = threading.Thread(target=lambda: found.append(drained(read, 100 * len(LINE))))
    reader.start()
    assert outlet.close(5)
    reader.join(5)
    assert found == [LINE.encode() * 100]


def test_a_descriptor_that_does_not_block_is_waited_for(pipe: tuple[int, int]) -> None:
    read, write = pipe
    os.set_blocking(write, False)
    outlet = LogOutlet(write)
    for _ in range(20):
        assert outlet.offer(LINE)
    assert drained(read, 20 * len(LINE)) == LINE.encode() * 20
    assert outlet.close(5)


def test_lines_for_a_reader_that_has_gone_are_counted(pipe: tuple[int, int]) -> None:
    read, write = pipe
    os.close(read)
    outlet = LogOutlet(write)
    assert outlet.offer("one\ntwo\n")
    assert outlet.close(5)
    assert outlet.lost == 2


def test_messages_of_the_process_leave_the_same_way(pipe: tuple[int, int]) -> None:
    read, write = pipe
    outlet = LogOutlet(write)
    OutletLog(outlet).handle(logging.LogRecord("n", logging.INFO, "p", 1, "said %s \ud800", ("so",), None))
    assert outlet.close(5)
    assert os.read(read, 100) == b"said so \\ud800\n"
