"""Identities: one URI, one meaning."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shield_proxy.config.identity import OPERATOR_URI, OperatorIdentity, PodIdentity, parse_identity

labels = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,10}[a-z0-9])?", fullmatch=True)


@given(labels, labels, labels)
def test_the_uri_of_a_pod_names_that_pod_again(namespace: str, fleet: str, tier: str) -> None:
    pod = PodIdentity(namespace, fleet, tier)
    assert parse_identity(pod.uri) == pod


def test_the_operator_has_a_uri_of_its_own() -> None:
    assert parse_identity(OPERATOR_URI) == OperatorIdentity()


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "spiffe://smartshield.io",
        "spiffe://smartshield.io/operator/",
        "SPIFFE://smartshield.io/operator",
        "spiffe://example.com/operator",
        "spiffe://example.com/ns/a/fleet/b/tier/lower",
        "https://smartshield.io/ns/a/fleet/b/tier/lower",
        "ns/a/fleet/b/tier/lower",
        "spiffe://smartshield.io/ns//fleet/b/tier/lower",
        "spiffe://smartshield.io/ns/a/fleet/b/tier/lower/",
        "spiffe://smartshield.io/ns/a/fleet/b/tier/lower/x",
        "spiffe://smartshield.io/ns/a/sa/b/tier/lower",
        "spiffe://smartshield.io/spiffe://smartshield.io/ns/a/fleet/b/tier/lower",
    ],
)
def test_a_uri_that_is_not_exactly_ours_names_nobody(uri: str) -> None:
    assert parse_identity(uri) is None


@given(st.text(max_size=80))
def test_a_uri_that_names_somebody_is_the_uri_of_that_identity(uri: str) -> None:
    for text in (uri, f"spiffe://smartshield.io/ns/{uri}", f"spiffe://smartshield.io/ns/a/fleet/b/tier/{uri}"):
        found = parse_identity(text)
        assert found is None or found.uri == text
