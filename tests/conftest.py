"""What tests of all parts share: the event loop of production, how hypothesis judges, certificates as a pod finds them.

`issue(*uris)` gives a directory with tls.crt, tls.key and ca.crt; `new_authority()` gives another such function.
"""

import asyncio
import datetime
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import HealthCheck, settings

Issue = Callable[..., Path]
PEM = serialization.Encoding.PEM
NOT_BEFORE = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
NOT_AFTER = datetime.datetime(2120, 1, 1, tzinfo=datetime.UTC)

# An example takes as long as the machine has others to serve: what hangs, pytest's timeout ends.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

PROXY_TESTS = {"process", "scenarios", "store", "tiers", "wire"}


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Tests of the proxy run on the loop the proxy runs on; a courier runs on asyncio's."""
    if PROXY_TESTS.intersection(item.path.parts) and "courier" not in item.path.parts:
        return {"uvloop": uvloop.new_event_loop}
    return {"asyncio": asyncio.new_event_loop}


def _certificate(
    name: str, key: ec.EllipticCurvePrivateKey, issuer: x509.Name, signer: ec.EllipticCurvePrivateKey
) -> tuple[x509.Name, x509.CertificateBuilder]:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOT_BEFORE)
        .not_valid_after(NOT_AFTER)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    return subject, builder


@pytest.fixture
def new_authority(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Issue]:
    """Makes authorities; each returns a function that issues leaves with the given URIs into a new directory."""

    def make() -> Issue:
        ca_key = ec.generate_private_key(ec.SECP256R1())
        ca_name = x509.Name(
            [x509.NameAttribute(NameOID.COMMON_NAME, f"authority {x509.random_serial_number():x}"[:60])]
        )
        builder = (
            x509.CertificateBuilder()
            .subject_name(ca_name)
            .issuer_name(ca_name)
            .public_key(ca_key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOT_BEFORE)
            .not_valid_after(NOT_AFTER)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key()), critical=False)
        )
        ca_pem = builder.sign(ca_key, hashes.SHA256()).public_bytes(PEM)

        def issue(*uris: str, into: Path | None = None) -> Path:
            key = ec.generate_private_key(ec.SECP256R1())
            _, leaf = _certificate("leaf", key, ca_name, ca_key)
            if uris:
                names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri) for uri in uris])
                leaf = leaf.add_extension(names, critical=True)
            directory = into or tmp_path_factory.mktemp("tls")
            (directory / "tls.crt").write_bytes(leaf.sign(ca_key, hashes.SHA256()).public_bytes(PEM))
            (directory / "tls.key").write_bytes(
                key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
            )
            (directory / "ca.crt").write_bytes(ca_pem)
            return directory

        return issue

    return make


@pytest.fixture
def issue(new_authority: Callable[[], Issue]) -> Issue:
    """Issues leaves of one authority."""
    return new_authority()
