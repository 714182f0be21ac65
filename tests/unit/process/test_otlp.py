"""Spans need packages that are not always there: their absence is told at the start, by the extra's name."""

import sys

import pytest

from shield_proxy.process.otlp import span_outlet
from shield_proxy.process.settings import decode_settings
from shield_proxy.process.sites import StartFailure

DOCUMENT = {"tier": "lower", "namespace": "n", "fleet": "f", "region": "r", "zone": "z", "pod": "p", "address": "::1"}


def test_without_an_endpoint_nobody_takes_spans() -> None:
    assert span_outlet(decode_settings(DOCUMENT, ipv6=False)) is None


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    settings = decode_settings({**DOCUMENT, "otlpEndpoint": "http://127.0.0.1:4318"}, ipv6=False)
    with pytest.raises(StartFailure, match=r"smart-shield\[tracing\]"):
        span_outlet(settings)
