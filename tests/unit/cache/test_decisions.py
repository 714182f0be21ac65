"""RFC 9111 as decisions."""

import time
from typing import Any

import pytest

from shield_proxy.cache.conditional import confirms, freshen, not_modified, revalidation
from shield_proxy.cache.dates import parse_date
from shield_proxy.cache.directives import FOREVER, parse_directives, request_directives, seconds
from shield_proxy.cache.freshness import explicit_lifetime, heuristic_lifetime, initial_age
from shield_proxy.cache.key import cache_key, target_key
from shield_proxy.cache.ranges import Foreign, Part, Unsatisfiable, Whole, select_range
from shield_proxy.cache.reuse import Hit, Miss, Revalidate, choose, usable_on_error
from shield_proxy.cache.storable import NotStored, Storable, judge, store
from shield_proxy.cache.stored import StoredResponse
from shield_proxy.wire.http.message import Fields, ResponseHead, UntilClose, index_fields
from shield_proxy.wire.http.serialise import response_lines

WALL = 1_793_577_600.0  # Mon, 02 Nov 2026 00:00:00 GMT
NOON = b"Mon, 02 Nov 2026 00:00:00 GMT"


def fields(**named: str) -> Fields:
    return tuple((name.replace("_", "-").encode(), value.encode()) for name, value in named.items())


def response(status: int = 200, **named: str) -> ResponseHead:
    these = fields(**named)
    return ResponseHead(status, b"", 1, these, index_fields(these), UntilClose(), True)


def stored(age: float = 0, now: float = 1000, body: bytes = b"body", **named: str) -> StoredResponse:
    head = response(200, **{"cache_control": "max-age=60", "age": str(int(age)), **named})
    verdict = judge({}, {}, head, WALL)
    assert isinstance(verdict, Storable)
    lines = response_lines(head.status, head.reason, head.fields)
    return store(verdict, b"key", {}, head.status, lines, body, now - initial_age(head.index, WALL, 0))


@pytest.mark.parametrize(
    ("text", "at"),
    [
        (b"Mon, 02 Nov 2026 00:00:00 GMT", WALL),
        (b"Monday, 02-Nov-26 00:00:00 GMT", WALL),
        (b"Mon Nov  2 00:00:00 2026", WALL),
        (b"Sunday, 06-Nov-94 08:49:37 GMT", 784111777.0),
        (b"Mon, 02 Nov 2026 00:00:00 UTC", None),
        (b"Mon, 02 Nov 2026 24:00:00 GMT", None),
        (b"Mon, 02 Foo 2026 00:00:00 GMT", None),
        (b"Mon, 00 Nov 2026 00:00:00 GMT", None),
        (b"0", None),
        (b"", None),
    ],
)
def test_dates_in_three_forms(text: bytes, at: float | None) -> None:
    assert parse_date(text, WALL) == at


def test_directives_with_quotes_commas_case_and_repeats() -> None:
    text = b'Max-Age=10, private="a, b", NO-CACHE , max-age=20,, x="q\\"", s-maxage="5"'
    assert parse_directives(text) == {
        b"max-age": b"10",
        b"private": b"a, b",
        b"no-cache": b"",
        b"x": b'q\\"',
        b"s-maxage": b"5",
    }
    assert parse_directives(None) == {}


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (b"public; private", {b"public", b"private"}),
        (b"public;no-store", {b"public", b"no-store"}),
        (b"max-age=60;public, x", {b"max-age", b"x"}),
        (b"x; s-maxage=9; max-age=5", {b"x", b"max-age"}),
        (b'x="a; b", private="c;d"', {b"x", b"private"}),
        (b'x="never ended; private, no-cache', {b"x", b"private", b"no-cache"}),
        (b'"private"', {b"private"}),
    ],
)
def test_behind_a_semicolon_only_what_restrains_counts(value: bytes, found: set[bytes]) -> None:
    assert set(parse_directives(value)) == found


@pytest.mark.parametrize("value", [b"a," + b" " * 30_000 + b'"', b'a="\\",' * 6_000, b'"' * 30_000, b",;" * 15_000])
def test_directives_of_any_shape_are_read_in_no_time(value: bytes) -> None:
    began = time.process_time()
    parse_directives(value)
    assert time.process_time() - began < 0.5


@pytest.mark.parametrize(
    ("value", "number"), [(b"5", 5), (b"-1", 0), (b"x", 0), (b"", 0), (b"1.5", 0), (b"9" * 30, FOREVER)]
)
def test_doubtful_seconds_mean_stale_and_endless_ones_forever(value: bytes, number: int) -> None:
    assert seconds({b"max-age": value}, b"max-age") == number


def test_pragma_counts_only_without_cache_control() -> None:
    assert b"no-cache" in request_directives(None, b"no-cache")
    assert request_directives(b"max-age=5", b"no-cache") == {b"max-age": b"5"}


@pytest.mark.parametrize(
    ("named", "lifetime"),
    [
        ({"cache_control": "max-age=60"}, 60),
        ({"cache_control": "max-age=60, s-maxage=5"}, 5),
        ({"cache_control": "max-age=60", "expires": "0"}, 60),
        ({"expires": "Mon, 02 Nov 2026 00:01:00 GMT", "date": NOON.decode()}, 60),
        ({"expires": "Mon, 02 Nov 2026 00:01:00 GMT"}, 60),
        ({"expires": "Sun, 01 Nov 2026 00:01:00 GMT"}, 0),
        ({"expires": "0"}, 0),
        ({}, None),
    ],
)
def test_the_lifetime_a_response_states(named: dict[str, str], lifetime: float | None) -> None:
    index = index_fields(fields(**named))
    assert explicit_lifetime(index, parse_directives(index.get(b"cache-control")), WALL) == lifetime


@pytest.mark.parametrize(("status", "modified", "lifetime"), [(200, 100, 10), (200, 10**8, 86400), (500, 100, 0)])
def test_the_lifetime_that_is_guessed(status: int, modified: int, lifetime: float) -> None:
    import email.utils

    index = {b"last-modified": email.utils.formatdate(WALL - modified, usegmt=True).encode(), b"date": NOON}
    assert heuristic_lifetime(status, index, WALL) == lifetime


def test_initial_age_is_the_larger_of_what_is_said_and_what_the_date_shows() -> None:
    assert initial_age({b"age": b"40"}, WALL, 2) == 42
    assert initial_age({b"age": b"5", b"date": NOON}, WALL + 30, 0) == 30
    assert initial_age({b"age": b"5", b"date": NOON}, WALL + 30, 0, trusted=True) == 5
    assert initial_age({b"age": b"junk"}, WALL, 1) == 1


def test_age_of_the_parent_is_carried_on() -> None:
    assert stored(age=40, now=100).age(110) == 50


@pytest.mark.parametrize(
    ("head", "request_fields", "reason"),
    [
        (response(cache_control="no-store, max-age=5"), {}, "no-store"),
        (response(cache_control="private"), {}, "private"),
        (response(cache_control='private="x", max-age=5'), {}, "private"),
        (response(cache_control="max-age=5", set_cookie="a=b"), {}, "set-cookie"),
        (response(cache_control="max-age=5"), {"authorization": "x"}, "authorization"),
        (response(cache_control="max-age=5", vary="a, *"), {}, "vary *"),
        (response(206, cache_control="max-age=5"), {}, "status 206"),
        (response(302), {}, "status 302 without freshness"),
        (response(), {}, "neither fresh nor validated"),
        (response(cache_control="max-age=0"), {}, "neither fresh nor validated"),
    ],
)
def test_every_no_has_its_reason(head: ResponseHead, request_fields: dict[str, str], reason: str) -> None:
    verdict = judge(index_fields(fields(**request_fields)), {}, head, WALL)
    assert isinstance(verdict, NotStored)
    assert verdict.reason == reason


@pytest.mark.parametrize(
    ("head", "request_fields"),
    [
        (response(cache_control="max-age=5"), {}),
        (response(302, cache_control="max-age=5"), {}),
        (response(404, expires="Mon, 02 Nov 2026 00:01:00 GMT"), {}),
        (response(cache_control="no-cache", etag='"x"'), {}),
        (response(etag='"x"'), {}),
        (response(cache_control="public, max-age=5"), {"authorization": "x"}),
        (response(cache_control="s-maxage=5"), {"authorization": "x"}),
    ],
)
def test_what_may_be_stored(head: ResponseHead, request_fields: dict[str, str]) -> None:
    assert isinstance(judge(index_fields(fields(**request_fields)), {}, head, WALL), Storable)


@pytest.mark.parametrize(
    ("directives", "age", "kind"),
    [
        ("", 59, Hit),
        ("", 60, Revalidate),
        ("no-cache", 0, Revalidate),
        ("no-store", 0, Miss),
        ("max-age=10", 10, Hit),
        ("max-age=10", 11, Revalidate),
        ("min-fresh=10", 50, Hit),
        ("min-fresh=10", 51, Revalidate),
        ("max-stale", 61, Revalidate),
    ],
)
def test_reuse_by_age_and_the_requests_wishes(directives: str, age: float, kind: type) -> None:
    assert isinstance(choose(stored(), parse_directives(directives.encode()), 1000 + age), kind)
    assert isinstance(choose(None, {}, 0), Miss)


@pytest.mark.parametrize(
    ("control", "age", "usable"),
    [
        ("max-age=60, stale-if-error=10", 69, True),
        ("max-age=60, stale-if-error=10", 71, False),
        ("max-age=60, stale-if-error=0", 61, False),
        ("max-age=60", 61, False),
        ("max-age=60", 30, True),
        ("max-age=60, stale-if-error=10, must-revalidate", 61, False),
        ("s-maxage=60, stale-if-error=10", 61, False),
    ],
)
def test_stale_on_error_only_as_far_as_the_response_allows(control: str, age: float, usable: bool) -> None:
    assert usable_on_error(stored(cache_control=control), 1000 + age) is usable


@pytest.mark.parametrize(
    ("request_fields", "response_fields", "unchanged"),
    [
        ({"if_none_match": '"a", W/"b"'}, {"etag": '"b"'}, True),
        ({"if_none_match": '"a"'}, {"etag": '"b"'}, False),
        ({"if_none_match": "*"}, {}, True),
        ({"if_none_match": '"a,b"'}, {"etag": '"b"'}, False),
        ({"if_none_match": '"a"', "if_modified_since": NOON.decode()}, {"etag": '"b"'}, False),
        ({"if_modified_since": NOON.decode()}, {"last_modified": NOON.decode()}, True),
        ({"if_modified_since": "junk"}, {"last_modified": NOON.decode()}, False),
        ({}, {"etag": '"b"'}, False),
    ],
)
def test_conditions(request_fields: dict[str, str], response_fields: dict[str, str], unchanged: bool) -> None:
    request, answer = index_fields(fields(**request_fields)), index_fields(fields(**response_fields))
    assert not_modified(request, answer, WALL) is unchanged


def test_a_304_renews_fields_lifetime_and_age_but_not_the_body_or_its_description() -> None:
    old = stored(etag='"v1"', x_kind="old", content_type="text/plain")
    assert revalidation(old) == ((b"If-None-Match", b'"v1"'),)
    assert confirms(old, response(304, etag='W/"v1"'))
    assert not confirms(old, response(304, etag='"v2"'))
    new = freshen(
        old,
        fields(cache_control="max-age=5", x_kind="new", content_type="x/y"),
        age=2,
        now=2000,
        wall=WALL,
    )
    assert (new.body, new.lifetime, new.age(2000)) == (b"body", 5, 2)
    assert (new.index[b"x-kind"], new.index[b"content-type"]) == (b"new", b"text/plain")


@pytest.mark.parametrize(
    ("named", "selected"),
    [
        ({"range": "bytes=0-3"}, Part(0, 3)),
        ({"range": "bytes=2-"}, Part(2, 9)),
        ({"range": "bytes=2-100"}, Part(2, 9)),
        ({"range": "bytes=-3"}, Part(7, 9)),
        ({"range": "bytes=-30"}, Part(0, 9)),
        ({"range": "bytes=-0"}, Unsatisfiable()),
        ({"range": "bytes=10-"}, Unsatisfiable()),
        ({"range": "bytes=5-2"}, Whole()),
        ({"range": "bytes=0-1,3-4"}, Foreign()),
        ({"range": "lines=1-2"}, Foreign()),
        ({}, Whole()),
        ({"range": "bytes=0-3", "if_range": '"v1"'}, Part(0, 3)),
        ({"range": "bytes=0-3", "if_range": '"v2"'}, Whole()),
        ({"range": "bytes=0-3", "if_range": 'W/"v1"'}, Whole()),
        ({"range": "bytes=0-3", "if_range": NOON.decode()}, Part(0, 3)),
    ],
)
def test_ranges(named: dict[str, str], selected: Any) -> None:
    answer = index_fields(fields(etag='"v1"', last_modified=NOON.decode()))
    assert select_range(index_fields(fields(**named)), answer, 10, WALL) == selected


def test_keys_of_zones_schemes_hosts_and_poisoned_requests_differ() -> None:
    keys = {
        cache_key("a", b"http", b"h", b"/", {}),
        cache_key("b", b"http", b"h", b"/", {}),
        cache_key("a", b"https", b"h", b"/", {}),
        cache_key("a", b"http", b"h:1", b"/", {}),
        cache_key("a", b"http", b"h", b"/?", {}),
        cache_key("a", b"http", b"h", b"/", {b"origin": b"x"}),
        cache_key("a", b"http", b"h", b"/", {b"x-original-url": b"/x"}),
    }
    assert len(keys) == 7
    assert target_key("a", b"http", b"h", b"/") in keys
