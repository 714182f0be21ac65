"""Where samples are posted, and a sample as a line."""

import json

import pytest

from shield_proxy.config.checks.feed import Probed, Sink, read_sink, sample_line
from shield_proxy.config.checks.reasons import Reason
from shield_proxy.config.checks.sample import Sample, Waterfall
from shield_proxy.config.reading import InvalidField

PROBED = Probed("shop", "origin", "0" * 32, "eu", "eu/a")


def test_a_sample_is_a_line_that_holds_all_of_it() -> None:
    waterfall = Waterfall(0.001, 0.0125, 0.025, 0.03, 0.07)
    sample = Sample(1_700_000_000.25, Reason.CODE_MISMATCH, "expected\n200", 503, "192.0.2.1", waterfall, 3)
    written = sample_line(PROBED, sample)
    assert written.endswith(b"}\n")
    assert written.count(b"\n") == 1
    assert json.loads(written) == {
        "namespace": "shop",
        "check": "origin",
        "id": "0" * 32,
        "region": "eu",
        "dataCenter": "eu/a",
        "at": "2023-11-14T22:13:20.250Z",
        "healthy": False,
        "reason": "Response code mismatch error",
        "detail": "expected\n200",
        "code": 503,
        "address": "192.0.2.1",
        "attempts": 3,
        "dnsMilliseconds": 1.0,
        "tcpMilliseconds": 12.5,
        "tlsMilliseconds": 25.0,
        "firstByteMilliseconds": 30.0,
        "totalMilliseconds": 70.0,
    }


def test_half_a_character_in_a_detail_spoils_no_line() -> None:
    assert json.loads(sample_line(PROBED, Sample(0.0, None, "\ud800")))["detail"] == "?"


@pytest.mark.parametrize(
    ("url", "sink"),
    [
        ("https://a.example/v1/samples", Sink("a.example", 443, "/v1/samples")),
        ("https://a.example:8443", Sink("a.example", 8443, "/")),
        ("https://[2001:db8::1]/x?y=z", Sink("2001:db8::1", 443, "/x?y=z")),
        ("https://a.example/ü", Sink("a.example", 443, "/%C3%BC")),
    ],
)
def test_urls_are_read(url: str, sink: Sink) -> None:
    assert read_sink(url) == sink


def test_the_host_field_has_a_port_and_brackets_where_they_are_needed() -> None:
    assert read_sink("https://[2001:db8::1]/").authority == "[2001:db8::1]"
    assert read_sink("https://a.example:8443/").authority == "a.example:8443"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "a.example",
        "http://a.example/",
        "https:///x",
        "https://user:word@a.example/",
        "https://a.example:0/",
        "https://a.example:x/",
        "https://a.example/#x",
        "https://a b/",
        "https://a.example/\r\nX: y",
        "https://a.example/" + "x" * 2048,
    ],
)
def test_urls_that_can_not_be_used_are_refused(url: str) -> None:
    with pytest.raises(InvalidField, match="SHIELD_SAMPLES_URL"):
        read_sink(url)
