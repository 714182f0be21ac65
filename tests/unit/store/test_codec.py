"""Values of L2: what goes in comes out, and nothing else is taken for it."""

from dataclasses import fields

from hypothesis import given
from hypothesis import strategies as st

from shield_proxy.cache.stored import StoredResponse
from shield_proxy.store.codec import VaryNames, decode, encode_entry, encode_vary, redis_key, time_to_live


def example(**changes: object) -> StoredResponse:
    values: dict[str, object] = {
        "key": b"uid\nhttp\nhost\n/a",
        "variation": b"lang:en",
        "status": 200,
        "lines": b'HTTP/1.1 200 OK\r\nETag: "v"\r\nCache-Control: max-age=60\r\n',
        "body": b"body",
        "vary": (b"lang",),
        "directives": {b"max-age": b"60"},
        "born": 90.0,
        "lifetime": 60.0,
    }
    return StoredResponse(**{**values, **changes})  # type: ignore[arg-type]


def test_what_is_stored_is_found_with_the_time_that_passed_by_redis_own_clock() -> None:
    stored = example()
    value = encode_entry(stored, now=100, live=50_000)
    found = decode(value, stored.key, stored.variation, left=45_000, now=7000)
    assert isinstance(found, StoredResponse)
    assert found.age(7000) == 15
    for field in fields(StoredResponse):
        if field.name != "born":
            assert getattr(found, field.name) == getattr(stored, field.name)


def test_a_value_of_another_key_is_nothing() -> None:
    value = encode_entry(example(), 100, 1000)
    assert decode(value, b"uid\nhttp\nhost\n/b", b"lang:en", 1000, 0) is None
    assert decode(value, example().key, b"lang:de", 1000, 0) is None
    assert decode(encode_vary(b"k", (b"a",)), b"other", b"", 1000, 0) is None


def test_names_of_vary_are_found() -> None:
    assert decode(encode_vary(b"k", (b"a", b"b")), b"k", b"", 1, 0) == VaryNames((b"a", b"b"))


@given(st.binary(max_size=200), st.integers(0, 150))
def test_damaged_values_are_nothing_or_whole(noise: bytes, at: int) -> None:
    value = encode_entry(example(), 100, 1000)
    decode(noise, b"k", b"", 1, 0)
    decode(value[:at] + noise, example().key, b"lang:en", 1, 0)
    assert decode(value[: min(at, len(value) - 1)], example().key, b"lang:en", 1, 0) is None


def test_time_to_live_covers_what_is_of_use() -> None:
    bare = example(lines=b"HTTP/1.1 200 OK\r\n", directives={})
    assert time_to_live(bare, 100) == 50_000
    assert time_to_live(bare, 1000) == 0
    assert time_to_live(example(), 1000) == 3_600_000
    assert time_to_live(example(lines=b"HTTP/1.1 200 OK\r\n", directives={b"stale-if-error": b"30"}), 100) == 80_000


def test_variants_have_keys_of_their_own() -> None:
    assert len({redis_key(b"a"), redis_key(b"b"), redis_key(b"a", b""), redis_key(b"a", b"x")}) == 4
