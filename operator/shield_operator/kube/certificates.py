"""The CA and the leaves of operator and pods: made, judged and renewed. Knows no clock and no API.

Trust is a bundle: the certificates of all CAs whose leaves are taken. The first way to a new CA is to add it to the
bundle, the second to sign with it, the third to take the old one out; leaves follow each step by themselves.
"""

import datetime
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_LIFE = datetime.timedelta(days=3650)
LEAF_LIFE = datetime.timedelta(days=90)
RENEW_AFTER = datetime.timedelta(days=30)
"""After issue: two thirds of a leaf's life remain for an operator that is away."""
SKEW = datetime.timedelta(minutes=5)
"""Clocks of nodes may be this much behind."""


class InvalidAuthority(ValueError):
    """What should be a CA is none."""


@dataclass(frozen=True, slots=True)
class Authority:
    """A CA that signs, and whom its leaves trust. PEM."""

    certificate: bytes
    key: bytes
    bundle: bytes
    """Certificates of all trusted CAs, this one included."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A certificate, its key and whom it trusts. PEM."""

    certificate: bytes
    key: bytes
    bundle: bytes


def new_authority(now: datetime.datetime) -> Authority:
    """A CA of its own (ECDSA P-256) that trusts itself alone."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Smart Shield CA")])
    certificate = (
        _builder(name, name, key.public_key(), now, AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    return Authority(pem, _key_pem(key), pem)


def read_authority(certificate: bytes, key: bytes, bundle: bytes) -> Authority:
    """The authority of a Secret's contents; InvalidAuthority where they don't belong together."""
    try:
        ca = x509.load_pem_x509_certificate(certificate)
        private = serialization.load_pem_private_key(key, None)
        trusted = x509.load_pem_x509_certificates(bundle)
    except (ValueError, TypeError) as error:
        raise InvalidAuthority(f"not PEM certificates and a key: {error}") from None
    if ca.public_key() != private.public_key():
        raise InvalidAuthority("the key is not that of the certificate")
    if ca not in trusted:
        raise InvalidAuthority("the bundle does not hold the signing certificate")
    return Authority(certificate, key, bundle)


def issue(authority: Authority, uri: str, now: datetime.datetime) -> Leaf:
    """A leaf for client and server whose only name is the URI, valid for LEAF_LIFE."""
    ca = x509.load_pem_x509_certificate(authority.certificate)
    signer = serialization.load_pem_private_key(authority.key, None)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    key = ec.generate_private_key(ec.SECP256R1())
    names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri)])
    certificate = (
        _builder(x509.Name([]), ca.subject, key.public_key(), now, LEAF_LIFE)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False
        )
        .add_extension(names, critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .sign(signer, hashes.SHA256())
    )
    return Leaf(certificate.public_bytes(serialization.Encoding.PEM), _key_pem(key), authority.bundle)


def renewal_reason(leaf: Leaf | None, uri: str, authority: Authority, now: datetime.datetime) -> str | None:
    """Why a leaf must be issued anew; None: it is good. A changed bundle alone needs no new leaf, see `with_bundle`."""
    if leaf is None:
        return "there is none"
    try:
        certificate = x509.load_pem_x509_certificate(leaf.certificate)
        key = serialization.load_pem_private_key(leaf.key, None)
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(authority.certificate))
    except x509.ExtensionNotFound:
        return "it names nobody"
    except Exception as error:  # noqa: BLE001 - the library raises many kinds; whatever it is, a new leaf mends it
        return f"it is not a leaf of the CA: {type(error).__name__}"
    if certificate.public_key() != key.public_key():
        return "the key is not its own"
    if names.get_values_for_type(x509.UniformResourceIdentifier) != [uri]:
        return "it names another"
    if now >= certificate.not_valid_before_utc + SKEW + RENEW_AFTER:
        return "it was issued 30 days ago"
    return None


def with_bundle(leaf: Leaf, authority: Authority) -> Leaf:
    """The leaf, trusting whom the authority's bundle holds now."""
    return Leaf(leaf.certificate, leaf.key, authority.bundle)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    now: datetime.datetime,
    life: datetime.timedelta,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - SKEW)
        .not_valid_after(now + life)
    )


def _usage(signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
