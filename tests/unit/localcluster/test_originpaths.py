"""What the test origin answers, by path."""

from __future__ import annotations

import json

import pytest

from localcluster.originpaths import Request, answer


def ask(target, *headers, method="GET", versions=None):
    return answer(Request(method, target, headers), versions or {})


def header(said, name):
    return dict(said.headers).get(name)


def test_cached_paths_are_fresh_for_as_long_as_asked():
    assert header(ask("/cache/a"), "Cache-Control") == "max-age=60"
    assert header(ask("/cache/a?ttl=5"), "Cache-Control") == "max-age=5"


def test_body_and_etag_depend_on_the_target():
    one, other = ask("/cache/a"), ask("/cache/b")
    assert one.pattern != other.pattern
    assert header(one, "ETag") != header(other, "ETag")


def test_a_changed_path_has_another_body_and_etag():
    old, new = ask("/cache/a"), ask("/cache/a", versions={"/cache/a": 1})
    assert (old.pattern, header(old, "ETag")) != (new.pattern, header(new, "ETag"))


@pytest.mark.parametrize("condition", ["{}", "W/{}", '"other", {}', "*"])
def test_a_matching_etag_is_answered_with_304(condition):
    etag = header(ask("/cache/a"), "ETag")
    assert ask("/cache/a", ("If-None-Match", condition.format(etag))).status == 304


def test_another_etag_is_answered_in_full():
    assert ask("/cache/a", ("If-None-Match", '"other"')).status == 200


def test_private_paths_must_not_be_stored():
    assert header(ask("/private/a"), "Cache-Control") == "private, no-store"


def test_sizes_are_as_asked():
    assert ask("/size/123456").length == 123456
    assert not ask("/size/5").chunked
    assert ask("/size/5?chunked=1").chunked


def test_slow_paths_wait_and_are_cacheable():
    said = ask("/slow/250/a?ttl=9")
    assert (said.wait, header(said, "Cache-Control")) == (0.25, "max-age=9")


def test_short_paths_send_half_of_what_they_declare():
    said = ask("/short/100")
    assert (said.length, said.sent) == (100, 50)


def test_statuses_are_as_asked():
    assert ask("/status/503").status == 503


def test_echo_tells_what_arrived():
    said = answer(Request("PUT", "/echo?x=1", (("A", "b"),), 3, "hash"), {})
    assert json.loads(said.pattern) == {
        "method": "PUT", "target": "/echo?x=1", "headers": [["A", "b"]], "length": 3, "sha256": "hash",
    }  # fmt: skip


def test_any_path_takes_headers_and_cache_control():
    said = ask("/status/200?cc=s-maxage%3D9&h=Vary:Accept-Language&h=X-A:b")
    assert header(said, "Cache-Control") == "s-maxage=9"
    assert (header(said, "Vary"), header(said, "X-A")) == ("Accept-Language", "b")


@pytest.mark.parametrize("target", ["/size/-1", "/size/x", "/status/99", "/slow/soon/a", "/cache/a?ttl=x"])
def test_paths_that_make_no_sense_are_400(target):
    assert ask(target).status == 400


def test_unknown_paths_are_404_and_name_the_known_ones():
    said = ask("/nowhere")
    assert said.status == 404
    assert b"/cache" in said.pattern
