"""Errors of the shield's own: who gets a page, who JSON, and what is in neither."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shield_proxy.tiers.messages.errorpage import error_answer, prefers_html, quality
from shield_proxy.tiers.messages.errors import refused_by_pod
from shield_proxy.tiers.messages.marks import place_of
from shield_proxy.wire.http.message import ResponseHead
from shield_proxy.wire.http.parse import HeadLimits, parse_response

PLACE = place_of("lower", "eu/a")
BROWSER = b"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"


def head_of(lines: bytes) -> ResponseHead:
    return parse_response(lines + b"\r\n", b"GET", HeadLimits())


@pytest.mark.parametrize(
    ("accept", "html"),
    [
        (b"", False),
        (b"*/*", False),
        (BROWSER, True),
        (b"text/html", True),
        (b"TEXT/HTML ; Q=0.5", True),
        (b"text/*", True),
        (b"application/json", False),
        (b"application/json, text/html", False),
        (b"application/json;q=0.5, text/html", True),
        (b"text/html;q=0.5, application/json", False),
        (b"text/html;q=0", False),
        (b"text/html;q=0, */*", False),
        (b"text/html;q=nonsense", False),
        (b"text/html;level=1;q=0.3, */*;q=0.2", True),
        (b"image/png", False),
        (b",,;;=,q=", False),
    ],
)
def test_a_page_is_for_those_who_welcome_html_more_than_json(accept: bytes, html: bool) -> None:
    assert prefers_html(accept) == html
    lines, body = error_answer(503, "overloaded", PLACE, accept=accept)
    assert head_of(lines).index[b"content-type"].startswith(b"text/html" if html else b"application/json")
    assert body.startswith(b"<!doctype html>" if html else b'{"code": 503')


@given(st.binary(max_size=60))
def test_any_accept_field_has_a_quality_between_0_and_1(accept: bytes) -> None:
    assert 0 <= quality(accept, b"text/html") <= 1


def test_an_error_has_code_reason_and_id_and_is_never_stored() -> None:
    lines, body = error_answer(503, "not-ready", PLACE, request_id=b"ab" * 16)
    assert json.loads(body) == {"code": 503, "reason": "not-ready", "id": "ab" * 16, "by": "smart-shield"}
    head = head_of(lines)
    assert head.reason == b"Service Unavailable"
    assert head.index[b"cache-control"] == b"no-store"
    assert head.index[b"shield-cache-status"] == b"NONE"
    assert head.index[b"shield-request-id"] == b"ab" * 16
    assert head.index[b"retry-after"] == b"1"
    assert refused_by_pod(503, head.index[b"cache-status"])


@pytest.mark.parametrize(("status", "retry"), [(503, True), (404, False), (508, False), (522, False), (400, False)])
def test_asking_again_is_suggested_only_where_it_may_help(status: int, retry: bool) -> None:
    assert (b"retry-after" in head_of(error_answer(status, "some-reason", PLACE)[0]).index) == retry


def test_nothing_in_a_page_is_markup_that_it_was_not_made_with() -> None:
    _, body = error_answer(503, "<script>&", PLACE, accept=BROWSER)
    assert b"<script>" not in body
    assert b"&lt;script&gt;&amp;" in body


@pytest.mark.parametrize(
    "status", [400, 404, 405, 408, 413, 414, 421, 431, 500, 501, 503, 504, 505, 508, 520, 525, 530]
)
def test_every_status_has_a_phrase(status: int) -> None:
    assert head_of(error_answer(status, "x", PLACE)[0]).reason
