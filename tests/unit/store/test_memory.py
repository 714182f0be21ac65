"""L1 keeps what is used, inside its budget, and nothing points at what is gone."""

import gc
import random
import tracemalloc
from dataclasses import replace

import pytest

from shield_proxy.cache.stored import StoredResponse
from shield_proxy.store.memory import ALIASES, Entry, MemoryStore, new_entry
from shield_proxy.wire.fast import IMPLEMENTATION, Tally
from shield_proxy.wire.http.serialise import response_lines


def entry(name: str, size: int = 1000, variation: bytes = b"", vary: tuple[bytes, ...] = ()) -> Entry:
    stored = StoredResponse(
        key=b"uid\n" + name.encode(),
        variation=variation,
        status=200,
        lines=b"HTTP/1.1 200 OK\r\nA: b\r\n",
        body=b"x" * size,
        vary=vary,
        directives={},
        born=0.0,
        lifetime=60.0,
    )
    return new_entry(stored, b"marks", Tally("zone"))


def key(name: str) -> bytes:
    return b"uid\n" + name.encode()


def test_what_is_kept_elsewhere_takes_room_until_it_is_gone() -> None:
    memory = MemoryStore(10_000)
    memory.put(entry("a"))
    memory.put(entry("b"))
    memory.charge(8_000)
    assert memory.find(key("a"), {}) is None
    assert memory.bytes <= 10_000
    assert memory.evicted > 0
    memory.charge(-8_000)
    memory.put(entry("c"))
    memory.put(entry("d"))
    assert memory.find(key("c"), {}) is not None
    assert memory.find(key("d"), {}) is not None


def test_a_successor_takes_the_place_of_its_predecessor() -> None:
    memory = MemoryStore(1 << 20)
    memory.put(entry("a"))
    before = memory.bytes
    second = entry("a")
    memory.put(second)
    assert memory.find(key("a"), {}) is second
    assert (len(memory), memory.bytes) == (1, before)


def test_the_budget_holds_and_what_was_used_gets_a_second_chance() -> None:
    memory = MemoryStore(50_000)
    memory.put(entry("used"))
    for i in range(200):
        memory.find(key("used"), {})
        memory.put(entry(str(i)))
        assert memory.bytes <= 50_000
    assert memory.find(key("used"), {}) is not None
    assert memory.find(key("0"), {}) is None
    assert memory.evicted > 150


def test_what_is_larger_than_half_the_budget_is_not_kept() -> None:
    memory = MemoryStore(50_000)
    assert not memory.put(entry("a", 30_000))
    assert (len(memory), memory.bytes) == (0, 0)


def test_aliases_are_few_and_die_with_their_entry() -> None:
    memory = MemoryStore(1 << 20)
    kept = entry("a")
    memory.put(kept)
    for i in range(ALIASES + 5):
        memory.add_alias(kept, b"alias%d" % i)
    assert len(memory.aliases) == ALIASES
    assert b"alias0" not in memory.aliases
    memory.remove(key("a"))
    assert (memory.aliases, memory.bytes, len(memory)) == ({}, 0, 0)


def test_variants_are_found_by_the_entrys_own_list() -> None:
    memory = MemoryStore(1 << 20)
    english = entry("a", variation=b"lang:en", vary=(b"lang",))
    german = entry("a", variation=b"lang:de", vary=(b"lang",))
    memory.put(english)
    memory.put(german)
    assert memory.find(key("a"), {b"lang": b"en"}) is english
    assert memory.find(key("a"), {b"lang": b"de"}) is german
    assert memory.find(key("a"), {}) is None
    memory.put(entry("a", variation=b"x:1", vary=(b"x",)))
    assert memory.find(key("a"), {b"lang": b"en"}) is None
    assert len(memory) == 1


def test_variants_of_a_resource_are_bounded() -> None:
    memory = MemoryStore(1 << 20)
    for i in range(100):
        memory.put(entry("a", 10, variation=b"lang:%d" % i, vary=(b"lang",)))
    assert len(memory) == 32
    assert memory.find(key("a"), {b"lang": b"99"}) is not None


def test_zones_that_are_gone_leave_nothing() -> None:
    memory = MemoryStore(1 << 20)
    memory.put(entry("a"))
    memory.retain(frozenset((b"other",)))
    assert (len(memory), memory.bytes) == (0, 0)


def test_the_sum_of_bytes_is_right_after_anything() -> None:
    memory = MemoryStore(60_000)
    chance = random.Random(1)
    for _ in range(5000):
        name = str(chance.randrange(40))
        match chance.randrange(5):
            case 0:
                memory.remove(key(name))
            case 1 if (found := memory.find(key(name), {b"v": b"1"})) is not None:
                memory.add_alias(found, b"alias%d" % chance.randrange(100))
            case 2:
                memory.put(entry(name, chance.randrange(3000), b"v:1", (b"v",)))
            case _:
                memory.put(entry(name, chance.randrange(3000)))
        assert memory.bytes <= 60_000
    memory.drop_aliases()
    memory.retain(frozenset())
    assert (memory.bytes, len(memory), memory._resources, memory.aliases) == (0, 0, {}, {})


def test_the_count_covers_what_python_really_takes() -> None:
    memory = MemoryStore(1 << 30)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tally = Tally("zone")
        for i in range(500):
            fields = tuple((b"Field-%d-%d" % (i, n), b"value %d of %d" % (n, i)) for n in range(10))
            stored = replace(entry(str(i)).stored, body=bytes(1000), lines=response_lines(200, b"OK", fields))
            kept = new_entry(stored, b"marks", tally)
            memory.put(kept)
            memory.add_alias(kept, b"alias of %d" % i)
        gc.collect()
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert taken < memory.bytes < 2 * taken


def test_what_clients_say_in_selecting_fields_counts_too() -> None:
    long, short = entry("a", variation=b"cookie:" + b"x" * 30_000, vary=(b"cookie",)), entry("a", vary=(b"cookie",))
    assert long.cost - short.cost >= 30_000


def test_a_compiled_store_is_invisible_to_the_collector() -> None:
    if IMPLEMENTATION != "compiled":
        pytest.skip("only the compiled twin can hide objects from the collector")
    memory = MemoryStore(1 << 30)
    gc.collect()
    before = len(gc.get_objects())
    for i in range(1000):
        kept = entry(str(i), variation=b"lang:en", vary=(b"lang",)) if i % 2 else entry(str(i))
        memory.put(kept)
        memory.add_alias(kept, b"alias%d" % i)
    gc.collect()
    assert len(gc.get_objects()) - before < 100


def test_a_full_memory_admits_what_redis_has_too_when_it_comes_by_again_or_takes_its_predecessors_place() -> None:
    memory = MemoryStore(50_000)
    assert memory.admits(entry("a"))
    for i in range(100):
        memory.put(entry(str(i)))
    assert memory.admits(entry("99"))
    assert not memory.admits(entry("a"))
    assert memory.admits(entry("a"))
