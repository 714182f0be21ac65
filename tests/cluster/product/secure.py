"""HTTPS as a client sees it: an authority of the test's own, Secrets with its certificates, and requests that check."""

import base64
import datetime
import hashlib
import http.client
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from localcluster import Cluster

DAY = datetime.timedelta(days=1)
Usages = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)


def pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """The key, not encrypted."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


class Authority:
    """Signs certificates."""

    def __init__(self, name: str, certificate: bytes | None = None, key: bytes | None = None) -> None:
        """A new one, or the one whose certificate and key these PEMs are."""
        if certificate is not None and key is not None:
            self._certificate = x509.load_pem_x509_certificate(certificate)
            loaded = serialization.load_pem_private_key(key, None)
            assert isinstance(loaded, ec.EllipticCurvePrivateKey)
            self._key = loaded
            return
        self._key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        usage = dict.fromkeys(
            ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"), False
        )
        builder = _builder(subject, subject, self._key.public_key())
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        builder = builder.add_extension(
            x509.KeyUsage(**usage, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False), True
        )
        self._certificate = builder.sign(self._key, hashes.SHA256())

    @property
    def certificate(self) -> str:
        """PEM."""
        return self._certificate.public_bytes(serialization.Encoding.PEM).decode()

    def issue(self, name: str, *hosts: str) -> tuple[bytes, bytes]:
        """Certificate and key of a leaf, both PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = _builder(subject, self._certificate.subject, key.public_key())
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage(Usages), critical=False)
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
        )
        if hosts:
            names = x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts])
            builder = builder.add_extension(names, critical=False)
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM), pem(key)


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder(issuer, subject, key, x509.random_serial_number(), now - DAY, now + DAY)
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)


def secret(name: str, namespace: str, pair: tuple[bytes, bytes]) -> dict[str, Any]:
    """A Secret as `kubectl create secret tls` makes it."""
    files = dict(zip(("tls.crt", "tls.key"), (base64.b64encode(part).decode() for part in pair), strict=True))
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/tls",
        "metadata": {"name": name, "namespace": namespace},
        "data": files,
    }


def fingerprint(certificate: bytes) -> str:
    """What tells certificates apart; `certificate` is PEM."""
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificate.decode())).hexdigest()


@dataclass(frozen=True, slots=True)
class Reply:
    """What came over a connection whose certificate was verified."""

    status: int
    headers: Mapping[str, str]
    body: str
    shown: str
    """Fingerprint of the server's certificate."""


class Visitor:
    """A client on a node that trusts one authority; it keeps its connection until the server closes it."""

    def __init__(self, cluster: Cluster, node: str, address: str, host: str, authority: str) -> None:
        self._cluster, self._node, self._address, self._host = cluster, node, address, host
        self._context = ssl.create_default_context(cadata=authority)
        self._connection: http.client.HTTPConnection | None = None
        self._shown = ""

    def get(self, path: str, **headers: str) -> Reply:
        """One GET; OSError or HTTPException where it fails."""
        connection = self._connection or self._connect()
        self._connection = None
        connection.request("GET", path, headers={"Host": self._host, **headers})
        answer = connection.getresponse()
        body = answer.read().decode()
        if answer.will_close:
            connection.close()
        else:
            self._connection = connection
        return Reply(answer.status, {k.lower(): v for k, v in answer.getheaders()}, body, self._shown)

    def close(self) -> None:
        """The connection is closed."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connect(self) -> http.client.HTTPConnection:
        host, _, port = self._address.rpartition(":")
        with self._cluster.inside(self._node):
            plain = socket.create_connection((host, int(port)), timeout=15)
        try:
            secured = self._context.wrap_socket(plain, server_hostname=self._host)
        except OSError:
            plain.close()
            raise
        self._shown = hashlib.sha256(secured.getpeercert(binary_form=True) or b"").hexdigest()
        connection = http.client.HTTPConnection(self._host, timeout=15)
        connection.sock = secured
        return connection
