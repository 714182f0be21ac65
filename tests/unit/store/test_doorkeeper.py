"""What comes by once is not known, what comes again soon is."""

from shield_proxy.store.doorkeeper import SHORTEST, Doorkeeper


def keys(first: int, count: int) -> list[bytes]:
    return [b"uid\n/%d" % number for number in range(first, first + count)]


def test_a_key_is_known_from_its_second_visit_on() -> None:
    doorkeeper = Doorkeeper(64 << 20)
    assert not doorkeeper.knows(b"a", 0)
    assert doorkeeper.knows(b"a", 0)
    assert doorkeeper.knows(b"a", 0)


def test_a_key_is_known_for_a_round_and_forgotten_after_two() -> None:
    doorkeeper = Doorkeeper(64 << 20)
    doorkeeper.knows(b"a", 0)
    for key in keys(0, SHORTEST - 1):
        doorkeeper.knows(key, 0)
    assert doorkeeper.knows(b"a", 0)
    for key in keys(0, 2 * SHORTEST):
        doorkeeper.knows(key, 0)
    assert not doorkeeper.knows(b"a", 0)


def test_a_round_is_as_long_as_what_memory_keeps() -> None:
    doorkeeper, kept = Doorkeeper(256 << 20), 20_000
    for key in keys(0, SHORTEST):
        doorkeeper.knows(key, kept)
    doorkeeper.knows(b"a", kept)
    for key in keys(SHORTEST, kept - 1):
        doorkeeper.knows(key, kept)
    assert doorkeeper.knows(b"a", kept)


def test_a_scan_of_more_than_memory_keeps_is_let_by() -> None:
    doorkeeper, kept = Doorkeeper(64 << 20), 5_000
    scan = keys(0, 4 * kept)
    known = sum(doorkeeper.knows(key, kept) for _ in range(3) for key in scan)
    assert known < 0.12 * 3 * len(scan)  # 131,072 bits, of which at most 10,000 are set
