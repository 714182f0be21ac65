"""Samples that wait: in order, bounded, none lost uncounted."""

from hypothesis import given
from hypothesis import strategies as st

from shield_proxy.process.backlog import MOST_BATCH, MOST_BYTES, MOST_WAITING, Backlog, Fate


def test_what_is_put_back_comes_first_again() -> None:
    backlog = Backlog()
    for line in (b"1", b"2"):
        backlog.offer(line)
    batch = backlog.take()
    backlog.offer(b"3")
    backlog.put_back(batch)
    assert backlog.take() == [b"1", b"2", b"3"]


def test_what_is_put_back_gives_way_to_what_is_newer() -> None:
    backlog = Backlog()
    for number in range(MOST_WAITING):
        backlog.offer(b"%d" % number)
    batch = backlog.take()
    for number in range(MOST_BATCH - 2):
        backlog.offer(b"new %d" % number)
    backlog.put_back(batch)
    assert (len(backlog), backlog.fates[Fate.OVERFLOW]) == (MOST_WAITING, MOST_BATCH - 2)
    assert backlog.take()[:3] == [b"%d" % (MOST_BATCH - 2), b"%d" % (MOST_BATCH - 1), b"%d" % MOST_BATCH]


def test_a_batch_is_no_larger_than_what_a_service_must_take() -> None:
    backlog = Backlog()
    for _ in range(MOST_BATCH):
        backlog.offer(b"x" * (MOST_BYTES // 100))
    assert len(backlog.take()) == 100
    assert len(backlog) == MOST_BATCH - 100


@given(st.lists(st.sampled_from(["offer", "take", "back", "settle"]) | st.integers(1, 700), max_size=60))
def test_every_sample_waits_or_has_a_fate(steps: list[object]) -> None:
    backlog, offered, batch = Backlog(), 0, list[bytes]()
    for step in steps:
        match step:
            case int(count):
                for _ in range(count):
                    backlog.offer(b"x")
                offered += count
            case "take" if not batch:
                batch = list(backlog.take())
            case "back":
                backlog.put_back(batch)
                batch = []
            case "settle":
                backlog.settle(batch, Fate.DELIVERED)
                batch = []
        assert len(backlog) <= MOST_WAITING
        assert len(batch) + len(backlog) + backlog.fates.total() == offered
    backlog.end()
    assert len(batch) + backlog.fates.total() == offered
