"""HTTPS with certificates from Secrets: by the name a client asks for, missing at first, and renewed under load."""

import http.client
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from localcluster import Cluster
from product import objects
from product.asking import ask
from product.install import Installed
from product.polling import poll
from product.secure import Authority, Visitor, fingerprint, secret

SJC = {"dataCenters": ["us/sjc"]}
NAMESPACE = "https"
ONE, TWO = "one.secure.example.com", "two.secure.example.com"
SYNC_SECONDS = 150
"""The kubelet brings a changed Secret to a pod within about 90 s."""


@dataclass(frozen=True, slots=True)
class Secured:
    """Two zones of one fleet with an authority each; the Secret of the second is not there yet."""

    product: Installed
    cluster: Cluster
    one: Authority
    two: Authority
    first: tuple[bytes, bytes]
    """What the first zone's Secret holds."""

    def visitor(self, host: str, authority: Authority) -> Visitor:
        """A client in another data centre that trusts that authority, on the HTTPS port of the first zone's Service."""
        edge = self.product.edge(NAMESPACE, "one", "https")
        assert edge is not None
        return Visitor(self.cluster, "iad", edge, host, authority.certificate)

    def condition(self, zone: str, kind: str) -> tuple[str, str]:
        """Status and reason of a condition."""
        found = objects.condition(self.product.tools.get("ssz", zone, NAMESPACE), kind)
        return found.get("status", ""), found.get("reason", "")

    def pods(self) -> set[str]:
        """UIDs of the namespace's pods."""
        return {pod["metadata"]["uid"] for pod in self.product.tools.list("pods", NAMESPACE)}


@pytest.fixture(scope="module")
def secured(product: Installed, cluster: Cluster) -> Iterator[Secured]:
    """Both zones Ready, and no pod is replaced any more."""
    one, two = Authority("one"), Authority("two")
    first = one.issue("first", ONE)
    product.tools.apply(
        objects.namespace(NAMESPACE),
        secret("one-tls", NAMESPACE, first),
        objects.zone("one", NAMESPACE, [ONE], placement=SJC, tls={"secretName": "one-tls"}),
        objects.zone("two", NAMESPACE, [TWO], "origin-us.example.com", placement=SJC, tls={"secretName": "two.tls"}),
    )
    product.wait_ready(NAMESPACE, "one", "two")
    found = Secured(product, cluster, one, two, first)
    poll("one's certificate is in use", lambda: found.condition("one", "CertificateReady")[0] == "True", 60)
    poll("two's Secret is missed", lambda: found.condition("two", "CertificateReady")[1] == "SecretMissing", 60)
    yield found
    product.tools.kubectl("delete", "namespace", NAMESPACE, "--wait=false")


def test_the_name_a_client_asks_for_decides_which_certificate_it_gets(secured: Secured) -> None:
    """And the scheme is told to the origin."""
    client = secured.visitor(ONE, secured.one)
    reply = client.get(f"/echo?{time.time_ns()}")
    client.close()
    assert (reply.status, reply.shown) == (200, fingerprint(secured.first[0]))
    assert '"https"' in reply.body.lower(), "X-Forwarded-Proto"
    stranger = secured.visitor(TWO, secured.two)
    with pytest.raises(OSError, match=r"(?i)ssl|reset|eof|closed"):
        stranger.get("/cache/a")


def test_a_missing_secret_is_said_and_holds_up_nothing(secured: Secured) -> None:
    """The zone is Ready and serves HTTP; the condition names the Secret."""
    message = objects.condition(secured.product.tools.get("ssz", "two", NAMESPACE), "CertificateReady")["message"]
    assert "two.tls" in message
    assert secured.condition("two", "Ready")[0] == "True"
    assert secured.condition("two", "Degraded") == ("True", "SecretMissing")
    assert secured.condition("one", "CertificateReady")[0] == "True"
    edge = secured.product.edge(NAMESPACE, "two")
    assert edge is not None
    assert ask(secured.cluster, "sjc", edge, TWO, "/cache/a").status == 200


def test_a_renewed_and_a_late_secret_are_used_without_a_restart_or_a_failed_request(secured: Secured) -> None:
    """One client that stays and one that comes anew ask all the time; the pods stay the same."""
    pods, renewed = secured.pods(), secured.one.issue("second", ONE)
    late = secured.two.issue("late", TWO)
    stays, failed, asked = secured.visitor(ONE, secured.one), [], 0
    secured.product.tools.apply(secret("one-tls", NAMESPACE, renewed), secret("two.tls", NAMESPACE, late))
    shown, deadline = "", time.monotonic() + SYNC_SECONDS
    while shown != fingerprint(renewed[0]) and time.monotonic() < deadline:
        comes = secured.visitor(ONE, secured.one)
        for client in (stays, comes):
            asked += 1
            try:
                reply = client.get(f"/cache/{asked}?ttl=1")
            except (OSError, http.client.HTTPException) as error:
                failed.append(repr(error))
                continue
            shown = reply.shown
            if reply.status != 200:
                failed.append(f"{reply.status} {reply.headers}")
        comes.close()
        time.sleep(0.1)
    assert shown == fingerprint(renewed[0]), f"not within {SYNC_SECONDS} s"
    assert failed == []
    assert stays.get("/cache/last").shown == fingerprint(secured.first[0]), "a connection outlives its certificate"
    stays.close()
    poll("two's certificate is in use", lambda: secured.condition("two", "CertificateReady")[0] == "True", SYNC_SECONDS)
    client = secured.visitor(TWO, secured.two)
    assert client.get("/cache/b").shown == fingerprint(late[0])
    client.close()
    assert secured.condition("two", "Degraded")[0] == "False"
    assert secured.pods() == pods
