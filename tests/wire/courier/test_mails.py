"""Mails, handed in to real servers: good ones, strict ones, and ones that misbehave."""

import asyncio
import ssl
import time
from dataclasses import replace

import pytest
from courier.mailserver import Mailbox, mail_server, rude_server, saying
from courier.place import Place
from courier.samples import alert, email, notification, target

from shield_courier.core.outcomes import Delivered, Failed, Outcome
from shield_courier.sending.mailing import REFUSED_SECONDS
from shield_proxy.config.alerts.alert import Email, Security

START_TLS, TLS, NONE = Security.START_TLS, Security.TLS, Security.NONE
OFFERED = b"220 hi\r\n", b"250-hi\r\n250 STARTTLS\r\n"


async def deliver(place: Place, means: Email, left: tuple[str, ...] = ()) -> Outcome:
    return await place.sender.deliver(alert(), target(means), notification(), left)


@pytest.mark.parametrize("security", [START_TLS, TLS])
async def test_a_mail_arrives_over_tls_with_credentials(place: Place, security: Security) -> None:
    place.put("smtp", {"username": "user\n", "password": "pass\n"})
    mailbox = Mailbox()
    async with mail_server(mailbox, place.server_tls(), implicit=security is TLS, auth=True) as port:
        assert await deliver(place, email(port, security, credentials=True)) == Delivered()
    assert mailbox.recipients == [["a@example.com", "b@example.com"]]
    assert mailbox.mails[0]["Subject"] == "[Unhealthy] api in shop: Response code mismatch error"
    assert "Code received" in mailbox.mails[0].get_content()
    assert [login[:2] for login in mailbox.logins] == [("user", "pass")]
    assert security is TLS or mailbox.logins[0][2]


async def test_a_mail_arrives_in_plain_text_where_that_is_asked_for(place: Place) -> None:
    mailbox = Mailbox()
    async with mail_server(mailbox) as port:
        assert await deliver(place, email(port, NONE)) == Delivered()
    assert len(mailbox.mails) == 1


async def test_a_mail_arrives_by_the_servers_name(place: Place) -> None:
    mailbox = Mailbox()
    async with mail_server(mailbox, place.server_tls("mail.example.org")) as port:
        place.ports["mail.example.org"] = port
        assert await deliver(place, email(25, host="mail.example.org")) == Delivered()
    assert len(mailbox.mails) == 1


async def test_nothing_is_sent_without_tls_where_the_server_offers_none(place: Place) -> None:
    place.put("smtp", {"username": "user", "password": "pass"})
    mailbox = Mailbox()
    async with mail_server(mailbox) as port:
        outcome = await deliver(place, email(port, START_TLS, credentials=True))
    assert outcome == Failed("the mail server offers no STARTTLS, and nothing is sent without TLS")
    assert (mailbox.mails, mailbox.logins) == ([], [])


async def test_credentials_are_never_sent_in_plain_text(place: Place) -> None:
    place.put("smtp", {"username": "user", "password": "pass"})
    heard: list[bytes] = []

    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hi\r\n")
        while line := await reader.readline():
            heard.append(line)
            writer.write(b"250-hi\r\n250 AUTH PLAIN LOGIN\r\n" if line.startswith(b"EHLO") else b"235 thanks\r\n")

    async with rude_server(say) as port:
        outcome = await deliver(place, email(port, NONE, credentials=True))
    assert outcome == Failed("the credentials are not sent without TLS", permanent=True)
    assert not any(b"AUTH" in line for line in heard)


@pytest.mark.parametrize("security", [START_TLS, TLS])
@pytest.mark.parametrize(
    ("names", "expired", "authority", "problem"),
    [
        (("other.example",), False, True, "TLS: the certificate is for other names"),
        (("127.0.0.1",), True, True, "TLS: the certificate is not trusted: certificate has expired"),
        (("127.0.0.1",), False, False, "TLS: the certificate is not trusted: unable to get local issuer certificate"),
    ],
)
async def test_a_server_that_can_not_show_who_it_is_gets_nothing(
    place: Place, security: Security, names: tuple[str, ...], expired: bool, authority: bool, problem: str
) -> None:
    place.put("smtp", {"username": "user", "password": "pass"})
    if not authority:
        place.put("ca", {"ca.crt": type(place.authority)("stranger").pem})
    mailbox = Mailbox()
    tls = place.server_tls(*names, expired=expired)
    async with mail_server(mailbox, tls, implicit=security is TLS, auth=True) as port:
        assert await deliver(place, email(port, security, credentials=True)) == Failed(problem)
    assert (mailbox.mails, mailbox.logins) == ([], [])


async def test_a_server_that_wants_a_certificate_is_told_of(place: Place) -> None:
    tls = place.server_tls()
    tls.verify_mode = ssl.CERT_REQUIRED
    async with mail_server(Mailbox(), tls, implicit=True) as port:
        outcome = await deliver(place, email(port, TLS))
    assert outcome in (
        Failed("TLS: tlsv13 alert certificate required"),
        Failed("the mail server ended the connection"),
    )


async def test_refused_credentials_are_permanent_and_not_told(place: Place) -> None:
    place.put("smtp", {"username": "user", "password": "s3cret"})
    mailbox = Mailbox()
    async with mail_server(mailbox, place.server_tls(), auth=True) as port:
        outcome = await deliver(place, email(port, credentials=True))
    assert outcome == Failed("the mail server answered 535 to the credentials", True, REFUSED_SECONDS)
    assert len(mailbox.logins) == 1


@pytest.mark.parametrize(
    ("offered", "replies", "tried", "outcome"),
    [
        (b"CRAM-MD5 LOGIN PLAIN", [b"235 ok"], [b"PLAIN"], Delivered()),
        (b"XOAUTH2 LOGIN CRAM-MD5", [b"334 UGFzcw==", b"235 ok"], [b"LOGIN"], Delivered()),
        (b"PLAIN LOGIN", [b"504 not this one", b"334 UGFzcw==", b"235 ok"], [b"PLAIN", b"LOGIN"], Delivered()),
        (
            b"PLAIN LOGIN CRAM-MD5",
            [b"454 not now"],
            [b"PLAIN"],
            Failed("the mail server answered 454 to the credentials", False),
        ),
        (b"XOAUTH2 NTLM", [], [], Failed("the mail server takes no credentials by PLAIN, LOGIN, CRAM-MD5")),
    ],
)
async def test_credentials_are_shown_once_in_a_way_that_the_server_takes(
    place: Place, offered: bytes, replies: list[bytes], tried: list[bytes], outcome: Outcome
) -> None:
    place.put("smtp", {"username": "user", "password": "pass"})
    heard: list[bytes] = []

    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hi\r\n")
        left, in_mail = iter(replies), False
        while line := await reader.readline():
            if line.startswith(b"AUTH"):
                heard.append(line.split()[1])
            if in_mail:
                in_mail = line != b".\r\n"
                reply = b"" if in_mail else b"250 ok\r\n"
            elif line.startswith(b"EHLO"):
                reply = b"250-hi\r\n250 AUTH " + offered + b"\r\n"
            elif line.startswith((b"MAIL", b"RCPT", b"QUIT")):
                reply = b"250 ok\r\n"
            elif line.startswith(b"DATA"):
                in_mail, reply = True, b"354 go\r\n"
            else:
                reply = next(left) + b"\r\n"
            writer.write(reply)

    async with rude_server(say, place.server_tls()) as port:
        assert await deliver(place, email(port, TLS, credentials=True)) == outcome
    assert heard == tried


async def test_a_port_for_tls_of_the_other_kind_is_told_of(place: Place) -> None:
    place.sender = replace(place.sender, mail_seconds=0.4)
    async with mail_server(Mailbox(), place.server_tls()) as port:
        assert await deliver(place, email(port, TLS)) == Failed(
            "the mail server does not begin with TLS; its port may be one for security StartTLS"
        )
    async with mail_server(Mailbox(), place.server_tls("mail.example.org"), implicit=True) as port:
        place.ports["mail.example.org"] = port
        assert await deliver(place, email(465, START_TLS, host="mail.example.org")) == Failed(
            "the mail server did not answer in time; port 465 is for security TLS"
        )


async def test_a_missing_secret_is_named(place: Place) -> None:
    assert await deliver(place, email(credentials=True)) == Failed(
        "key username of Secret smtp does not exist, or has not arrived yet"
    )


@pytest.mark.parametrize(("reply", "permanent"), [("451 greylisted", False), ("554 spam", True)])
async def test_a_refused_mail_is_told_with_the_servers_words(place: Place, reply: str, permanent: bool) -> None:
    async with mail_server(Mailbox(data_reply=reply), place.server_tls()) as port:
        assert await deliver(place, email(port)) == Failed(
            f"the mail server answered {reply.replace(' ', ': ', 1)}", permanent
        )


async def test_only_those_who_have_not_got_it_are_sent_it_again(place: Place) -> None:
    mailbox = Mailbox(refused={"b@example.com": "452 full"})
    async with mail_server(mailbox, place.server_tls()) as port:
        outcome = await deliver(place, email(port))
        assert outcome == Failed(
            "not taken for b@example.com: the mail server answered 452: full", False, left=("b@example.com",)
        )
        mailbox.refused = {}
        assert await deliver(place, email(port), ("b@example.com",)) == Delivered()
    assert mailbox.recipients == [["a@example.com"], ["b@example.com"]]
    assert mailbox.mails[0]["Message-ID"] == mailbox.mails[1]["Message-ID"]


async def test_a_mail_that_nobody_takes_says_so_for_all(place: Place) -> None:
    refused = {"a@example.com": "550 5.1.1 unknown", "b@example.com": "550 5.1.1 unknown"}
    async with mail_server(Mailbox(refused=refused), place.server_tls()) as port:
        outcome = await deliver(place, email(port))
    assert isinstance(outcome, Failed)
    assert (outcome.permanent, outcome.left) == (True, ("a@example.com", "b@example.com"))
    assert outcome.message.startswith("not taken for a@example.com: the mail server answered 550: 5.1.1 unknown; b@")


@pytest.mark.parametrize(
    ("replies", "problem"),
    [
        ((b"554 go away\r\n",), Failed("the mail server answered 554: go away", True)),
        ((b"421 too busy\r\n",), Failed("the mail server answered 421: too busy", False)),
        ((b"SSH-2.0-x\r\n",), Failed("the mail server's answer makes no sense")),
        ((b"220 " + b"x" * 40_000,), Failed("the mail server's answer makes no sense")),
        ((b"220-x\r\n" * 10_000,), Failed("the mail server's answer makes no sense")),
        ((*OFFERED, b"454 not now\r\n"), Failed("the mail server answered 454: not now")),
        ((*OFFERED, b"220 go\r\n", b"plain\r\n"), Failed("TLS: wrong version number")),
    ],
)
async def test_a_server_that_misbehaves_is_told_of_as_it_was(
    place: Place, replies: tuple[bytes, ...], problem: Failed
) -> None:
    async with rude_server(saying(*replies)) as port:
        assert await deliver(place, email(port)) == problem


async def test_a_server_that_ends_the_connection_is_told_of(place: Place) -> None:
    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hi\r\n")
        await reader.readline()

    async with rude_server(say) as port:
        assert await deliver(place, email(port)) == Failed("the mail server ended the connection")
    assert await deliver(place, email(port)) == Failed("connection refused")


@pytest.mark.parametrize("replies", [(b"",), (b"220 hi\r\n",), (*OFFERED, b"220 go\r\n")])
async def test_a_server_that_hangs_is_left_in_time(place: Place, replies: tuple[bytes, ...]) -> None:
    place.sender = replace(place.sender, mail_seconds=0.4)
    began = time.monotonic()
    async with rude_server(saying(*replies)) as port:
        assert await deliver(place, email(port)) == Failed("the mail server did not answer in time")
    assert time.monotonic() - began < 5


async def test_an_address_that_smtp_can_not_take_is_told_of(place: Place) -> None:
    place.put("ca", {"ca.crt": place.authority.pem})
    means = replace(email(), to=("ü@example.com",))
    assert await deliver(place, means) == Failed("addresses must be of ASCII letters", True)
    assert await deliver(place, replace(email(), sender="ü@exämple.com")) == Failed(
        "addresses must be of ASCII letters", True
    )


async def test_a_name_that_does_not_resolve_is_told_of(place: Place) -> None:
    assert await deliver(place, email(host="nowhere.invalid")) == Failed("the host's name does not resolve")
