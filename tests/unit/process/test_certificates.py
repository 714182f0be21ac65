"""What a process says of certificates: those that clients get, and those that origins are shown."""

import asyncio
from pathlib import Path

from product.secure import Authority
from shield_proxy.config.state import FleetState, Origin, OriginTls, Zone
from shield_proxy.process.certificates import CertificateFollower, shown_by
from shield_proxy.wire.tls.certificates import Certificates


def zone(*shown: str | None) -> Zone:
    origins = tuple(
        Origin(f"o{i}", "o.example", 443, OriginTls("o.example", client_certificate=name) if name else None)
        for i, name in enumerate(shown)
    )
    return Zone("uid", "shop", "shop", 1, ("shop.example",), origins)


def test_a_zone_shows_each_certificate_that_its_origins_name_once() -> None:
    assert [shown.certificate for shown in shown_by([zone(None, "b", "a", "b"), zone(None)])] == ["a", "b"]


async def test_a_client_certificate_is_missed_until_it_is_there(tmp_path: Path) -> None:
    used: list[FleetState] = []
    follower = CertificateFollower(Certificates(tmp_path / "clients"), tmp_path, used.append)
    task = asyncio.create_task(follower.run())
    try:
        state = FleetState("shop", "default", 1, 1, zones=(zone("shown"),))
        follower.use(state)
        assert used == [state]
        async with asyncio.timeout(10):
            while [problem.reason for problem in follower.problems()] != ["SecretMissing"]:
                await asyncio.sleep(0.01)
            certificate, key = Authority("origins").issue("the-shield")
            (tmp_path / "shown").mkdir()
            (tmp_path / "shown" / "tls.crt").write_bytes(certificate)
            (tmp_path / "shown" / "tls.key").write_bytes(key)
            follower.hurry()
            while list(follower.problems()):
                await asyncio.sleep(0.01)
    finally:
        task.cancel()


def test_a_process_that_asks_no_origin_misses_nothing(tmp_path: Path) -> None:
    follower = CertificateFollower(Certificates(tmp_path), None, lambda _: None)
    follower.use(FleetState("shop", "default", 1, 1, zones=(zone("shown"),)))
    follower.look()
    assert list(follower.problems()) == []
