"""Certificates change under open connections: renewed, broken, expired, no longer named."""

import ssl

import pytest
from clientport import Port, zone


async def test_a_renewed_certificate_is_used_and_open_connections_stay(port: Port) -> None:
    listener = await port.secured()
    before = await port.connect_tls(listener, "shop.example")
    assert await port.told(before)
    port.authority.issue(port.directory / "shop", "shop.example", "new.example")
    port.certificates.look()
    after = await port.connect_tls(listener, "shop.example")
    names = after.writer.get_extra_info("peercert")["subjectAltName"]
    assert ("DNS", "new.example") in names
    assert await port.told(before) == await port.told(after)


@pytest.mark.parametrize("damage", ["truncated", "missing", "another key"])
async def test_a_broken_certificate_leaves_the_former_in_use_and_is_reported(
    port: Port, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    listener = await port.secured()
    files = port.directory / "shop"
    match damage:
        case "truncated":
            (files / "tls.crt").write_text("-----BEGIN CERTIFICATE-----\nMII")
        case "missing":
            (files / "tls.key").unlink()
        case _:
            (files / "tls.key").write_bytes((port.directory / "other" / "tls.key").read_bytes())
    port.certificates.look()
    port.certificates.look()
    assert len([record for record in caplog.records if record.levelname == "ERROR"]) == 1
    states = port.certificates.states()
    assert states == {"loaded": 1, "missing": int(damage == "missing"), "broken": int(damage != "missing")}
    assert [(problem.zone, problem.reason) for problem in port.certificates.problems()] == [
        ("shop.example", "SecretMissing" if damage == "missing" else "CertificateInvalid")
    ]
    assert await port.told(await port.connect_tls(listener, "shop.example"))
    port.authority.issue(files, "shop.example")
    port.certificates.look()
    assert not tuple(port.certificates.problems())


async def test_an_expired_certificate_is_reported_and_its_end_is_shown(port: Port) -> None:
    ends = dict(port.certificates.expiries())
    assert ends.keys() == {"shop/shop.example", "shop/other.example"}
    assert all(0 < end - port.clock.wall() <= 86400 for end in ends.values())
    port.clock.pass_time(86401)
    assert {problem.reason for problem in port.certificates.problems()} == {"CertificateExpired"}


async def test_a_certificate_that_no_zone_names_any_more_is_not_used(port: Port) -> None:
    listener = await port.secured()
    port.use(zone("other", "other.example"))
    with pytest.raises(ssl.SSLError):
        await port.connect_tls(listener, "shop.example")
