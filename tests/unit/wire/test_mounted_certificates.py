"""Certificates as the kubelet mounts them: one volume, a folder for each Secret, all of them swapped in one step."""

from pathlib import Path

import pytest

from product.secure import Authority
from shield_proxy.config.state import Origin, OriginTls, Zone
from shield_proxy.tiers.fetching.origins import OriginContexts
from shield_proxy.wire.tls.certificates import Certificates
from shield_proxy.wire.upstream.failures import UpstreamFailed

AUTHORITY = Authority("mounted")
ORIGIN = Origin("main", "o.example", 443, OriginTls("o.example", client_certificate="shown"))


def mount(volume: Path, version: str, **secrets: tuple[bytes, bytes]) -> None:
    """The volume holds these Secrets, as the kubelet's atomic writer leaves it."""
    real = volume / f"..{version}"
    for name, (certificate, key) in secrets.items():
        (real / name).mkdir(parents=True)
        (real / name / "tls.crt").write_bytes(certificate)
        (real / name / "tls.key").write_bytes(key)
        link = volume / name
        if not link.is_symlink():
            link.symlink_to(f"..data/{name}")
    real.mkdir(exist_ok=True)
    (volume / "..new").symlink_to(real.name)
    (volume / "..new").rename(volume / "..data")
    for link in volume.iterdir():
        if link.is_symlink() and not link.exists():
            link.unlink()


def zone(certificate: str) -> Zone:
    return Zone("uid", "shop", "shop", 1, ("shop.example",), (ORIGIN,), certificate=certificate)


def test_a_swapped_certificate_is_taken_and_one_that_goes_stays_in_use_and_is_missed(tmp_path: Path) -> None:
    certificates = Certificates(tmp_path)
    certificates.use([zone("shop-tls")])
    certificates.look()
    assert certificates.find("shop.example") is None
    assert [problem.reason for problem in certificates.problems()] == ["SecretMissing"]
    mount(tmp_path, "1", **{"shop-tls": AUTHORITY.issue("one", "shop.example")})
    certificates.look()
    first = certificates.find("shop.example")
    assert first is not None
    assert list(certificates.problems()) == []
    mount(tmp_path, "2", **{"shop-tls": AUTHORITY.issue("two", "shop.example")})
    certificates.look()
    second = certificates.find("shop.example")
    assert second not in (None, first)
    mount(tmp_path, "3")
    certificates.look()
    assert certificates.find("shop.example") is second
    assert [problem.reason for problem in certificates.problems()] == ["SecretMissing"]


def test_a_client_certificate_is_taken_from_the_mounted_folder_and_renewed_with_it(tmp_path: Path) -> None:
    now, renewed = [0.0], []
    contexts = OriginContexts(tmp_path, lambda: now[0], renewed.append)
    with pytest.raises(UpstreamFailed, match="shown"):
        contexts.context(ORIGIN.tls)
    mount(tmp_path, "1", shown=AUTHORITY.issue("one"))
    first = contexts.context(ORIGIN.tls)
    now[0] += 10
    assert contexts.context(ORIGIN.tls) is first
    mount(tmp_path, "2", shown=AUTHORITY.issue("two"))
    now[0] += 10
    assert contexts.context(ORIGIN.tls) is not first
    assert renewed == ["shown"]
