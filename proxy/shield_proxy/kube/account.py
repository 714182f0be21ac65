"""Where the API is and who asks: what the kubelet gives to a pod."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from shield_proxy.config.reading import InvalidField

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
HOST, PORT = "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"


@dataclass(frozen=True, slots=True)
class Account:
    """The API server and the files that speak for this process."""

    host: str
    port: int
    directory: Path
    """With token and ca.crt."""

    def token(self) -> str:
        """As it is now: the kubelet renews it. OSError."""
        return (self.directory / "token").read_text("ascii").strip()

    def trust(self) -> ssl.SSLContext:
        """TLS that takes the cluster's authority alone. OSError."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        # Authorities of clusters need not have every extension of RFC 5280.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        context.load_verify_locations(self.directory / "ca.crt")
        return context


def account_of_pod(environment: Mapping[str, str], directory: Path = SERVICE_ACCOUNT) -> Account:
    """The account of the pod that this process runs in. InvalidField names what is missing."""
    host, port = environment.get(HOST, ""), environment.get(PORT, "")
    if not host:
        raise InvalidField(HOST, "is not set: this runs in a pod of a cluster")
    if not port.isascii() or not port.isdigit() or not 1 <= int(port) <= 65535:
        raise InvalidField(PORT, f"must be a port, not {port[:20]!r}")
    return Account(host, int(port), directory)
