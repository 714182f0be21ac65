"""Leaves and their CA: what is issued, when it is renewed, and how trust moves from one CA to the next."""

import datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from shield_operator.kube.certificates import (
    LEAF_LIFE,
    RENEW_AFTER,
    SKEW,
    Authority,
    InvalidAuthority,
    Leaf,
    issue,
    new_authority,
    read_authority,
    renewal_reason,
    with_bundle,
)
from shield_proxy.config.identity import OPERATOR_URI, PodIdentity

NOW = datetime.datetime(2026, 5, 1, tzinfo=datetime.UTC)
URI = PodIdentity("shop", "default", "lower").uri


@pytest.fixture(scope="module")
def authority() -> Authority:
    return new_authority(NOW)


@pytest.fixture(scope="module")
def leaf(authority: Authority) -> Leaf:
    return issue(authority, URI, NOW)


def test_a_leaf_names_one_uri_and_nothing_else(leaf: Leaf) -> None:
    certificate = x509.load_pem_x509_certificate(leaf.certificate)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [name.value for name in names] == [URI]
    assert not list(certificate.subject)


def test_a_leaf_lives_90_days_and_is_valid_for_clocks_that_are_behind(leaf: Leaf) -> None:
    certificate = x509.load_pem_x509_certificate(leaf.certificate)
    assert certificate.not_valid_after_utc == NOW + LEAF_LIFE == NOW + datetime.timedelta(days=90)
    assert certificate.not_valid_before_utc == NOW - SKEW


def test_keys_are_on_p256(authority: Authority, leaf: Leaf) -> None:
    for pem in (authority.certificate, leaf.certificate):
        key = x509.load_pem_x509_certificate(pem).public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)
        assert key.curve.name == "secp256r1"


@pytest.mark.parametrize(("days", "due"), [(0, False), (29.9, False), (30, True), (89, True)])
def test_a_leaf_is_renewed_30_days_after_its_issue(authority: Authority, leaf: Leaf, days: float, due: bool) -> None:
    assert (renewal_reason(leaf, URI, authority, NOW + datetime.timedelta(days=days)) is not None) == due
    assert datetime.timedelta(days=30) == RENEW_AFTER


def test_a_missing_leaf_is_issued(authority: Authority) -> None:
    assert renewal_reason(None, URI, authority, NOW) == "there is none"


def test_a_leaf_of_another_name_is_replaced(authority: Authority, leaf: Leaf) -> None:
    assert renewal_reason(leaf, OPERATOR_URI, authority, NOW) == "it names another"


def test_a_leaf_of_another_ca_is_replaced(leaf: Leaf) -> None:
    assert "not a leaf of the CA" in str(renewal_reason(leaf, URI, new_authority(NOW), NOW))


def test_a_leaf_with_the_key_of_another_is_replaced(authority: Authority, leaf: Leaf) -> None:
    mixed = Leaf(leaf.certificate, issue(authority, URI, NOW).key, leaf.bundle)
    assert renewal_reason(mixed, URI, authority, NOW) == "the key is not its own"


@pytest.mark.parametrize("junk", [b"", b"junk", b"-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"])
def test_damaged_leaves_are_replaced(authority: Authority, leaf: Leaf, junk: bytes) -> None:
    assert renewal_reason(Leaf(junk, leaf.key, b""), URI, authority, NOW)
    assert renewal_reason(Leaf(leaf.certificate, junk, b""), URI, authority, NOW)


def test_during_a_rotation_a_leaf_stays_and_trusts_both_cas(authority: Authority, leaf: Leaf) -> None:
    coming = new_authority(NOW)
    both = read_authority(authority.certificate, authority.key, authority.certificate + coming.certificate)
    assert renewal_reason(leaf, URI, both, NOW) is None
    assert with_bundle(leaf, both) == Leaf(leaf.certificate, leaf.key, authority.certificate + coming.certificate)


def test_when_the_new_ca_signs_every_leaf_follows(authority: Authority, leaf: Leaf) -> None:
    coming = new_authority(NOW)
    turned = read_authority(coming.certificate, coming.key, authority.certificate + coming.certificate)
    assert renewal_reason(leaf, URI, turned, NOW)
    assert renewal_reason(issue(turned, URI, NOW), URI, turned, NOW) is None


def test_contents_that_are_no_ca_are_refused_with_the_reason(authority: Authority) -> None:
    other = new_authority(NOW)
    for contents, reason in (
        ((b"", b"", b""), "not PEM"),
        ((authority.certificate, other.key, authority.bundle), "the key is not"),
        ((authority.certificate, authority.key, other.bundle), "does not hold the signing"),
    ):
        with pytest.raises(InvalidAuthority, match=reason):
            read_authority(*contents)
