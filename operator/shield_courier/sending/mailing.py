"""Mail, handed in to a server over TLS."""

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import aiosmtplib
from aiosmtplib import SMTP

from shield_courier.core.answers import mail_refused
from shield_courier.core.outcomes import Delivered, Failed, Outcome
from shield_courier.sending.login import KNOWN, NoMechanism, log_in
from shield_courier.sending.names import Forbidden, Resolve, connect, network_problem
from shield_courier.sending.trust import tls_problem
from shield_proxy.config.alerts.alert import MailServer, Security
from shield_proxy.config.internal import Internal

MOST_TOLD = 3
"""Recipients of whose refusal is told."""
REFUSED_SECONDS = 120.0
"""Until refused credentials are shown again: servers shut out whom they have refused five times in ten minutes."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail and its envelope."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Credentials:
    """Never shown."""

    username: str = field(repr=False)
    password: str = field(repr=False)


async def send(
    letter: Letter,
    server: MailServer,
    credentials: Credentials | None,
    trust: ssl.SSLContext,
    resolve: Resolve,
    internal: Internal,
    seconds: float,
) -> Outcome:
    """What became of it within so many seconds. Credentials go to a server that has shown who it is, and to no
    other."""
    secrets = (credentials.username, credentials.password) if credentials is not None else ()
    try:
        async with asyncio.timeout(seconds):
            return await _send(letter, server, credentials, trust, resolve, internal)
    except TimeoutError:
        return Failed(f"the mail server did not answer in time{_advice(server)}")
    except aiosmtplib.SMTPAuthenticationError as error:
        # Servers may repeat what they were sent.
        refused = mail_refused(error.code, "", told=False)
        # A server that can't tell just now (454) shuts nobody out.
        pause = REFUSED_SECONDS if refused.permanent else 0.0
        return Failed(f"{refused.message} to the credentials", refused.permanent, pause)
    except aiosmtplib.SMTPRecipientsRefused as error:
        refusals = {each.recipient: each for each in error.recipients}
        return _partly({name: (each.code, each.message) for name, each in refusals.items()}, secrets)
    except aiosmtplib.SMTPResponseException as error:
        if not 200 <= error.code < 600:
            return Failed("the mail server's answer makes no sense")
        return mail_refused(error.code, error.message, secrets)
    except ssl.SSLError as error:
        return Failed(_tls_problem(error, server))
    except aiosmtplib.SMTPException as error:
        cause = error.__cause__
        return Failed(_tls_problem(cause, server) if isinstance(cause, ssl.SSLError) else _problem(error))
    except OSError as error:
        return Failed(network_problem(error), isinstance(error, Forbidden))
    except ValueError:
        return Failed("the mail can't be sent: an address or a credential has letters that SMTP can't take", True)


async def _send(
    letter: Letter,
    server: MailServer,
    credentials: Credentials | None,
    trust: ssl.SSLContext,
    resolve: Resolve,
    internal: Internal,
) -> Outcome:
    # What this machine is called in DNS is not known; the sender's domain is a name that can be checked.
    client = SMTP(
        hostname=server.host,
        local_hostname=letter.sender.rpartition("@")[2],
        use_tls=server.security is Security.TLS,
        start_tls=server.security is Security.START_TLS,
        tls_context=trust,
        timeout=None,
    )
    sock = await connect(await resolve(server.host, server.port), internal)
    try:
        await client.connect(sock=sock)
        if credentials is not None:
            if client.get_transport_info("ssl_object") is None:
                return Failed("the credentials are not sent without TLS", True)
            await log_in(client, credentials.username, credentials.password)
        refused, _ = await client.sendmail(letter.sender, letter.recipients, letter.content)
        try:
            async with asyncio.timeout(2.0):
                await client.quit()
        except (aiosmtplib.SMTPException, OSError, TimeoutError):
            pass  # it has been taken
    finally:
        transport = client.transport
        client.close()
        if isinstance(transport, asyncio.WriteTransport):
            transport.abort()  # who does not listen any more would hold up the closing of TLS
    if refused:
        secrets = (credentials.username, credentials.password) if credentials is not None else ()
        return _partly({name: (reply.code, reply.message) for name, reply in refused.items()}, secrets)
    return Delivered()


def _partly(refused: Mapping[str, tuple[int, str]], secrets: Sequence[str]) -> Failed:
    """The others have it: only these are tried again. Permanent where it is for all of them."""
    each = [mail_refused(code, reply, secrets) for code, reply in refused.values()]
    named = "; ".join(f"{name}: {failed.message}" for name, failed in list(zip(refused, each, strict=True))[:MOST_TOLD])
    more = f" and {len(refused) - MOST_TOLD} more" if len(refused) > MOST_TOLD else ""
    return Failed(f"not taken for {named}{more}", all(failed.permanent for failed in each), left=tuple(refused))


def _tls_problem(error: ssl.SSLError, server: MailServer) -> str:
    if error.reason == "WRONG_VERSION_NUMBER" and server.security is Security.TLS:
        return "the mail server does not begin with TLS; its port may be one for security StartTLS"
    return tls_problem(error)


def _advice(server: MailServer) -> str:
    """On port 465 servers wait for the client to begin with TLS."""
    return "; port 465 is for security TLS" if server.port == 465 and server.security is not Security.TLS else ""


def _problem(error: aiosmtplib.SMTPException) -> str:
    """In words of our own: the library's hold addresses."""
    match error:
        case aiosmtplib.SMTPTimeoutError():
            return "the mail server did not answer in time"
        case aiosmtplib.SMTPConnectError() | aiosmtplib.SMTPServerDisconnected():
            return "the mail server ended the connection"
        case aiosmtplib.SMTPNotSupported():
            return "the mail server lacks what is needed"
        case _ if "STARTTLS" in str(error):
            return "the mail server offers no STARTTLS, and nothing is sent without TLS"
        case NoMechanism():
            return f"the mail server takes no credentials by {', '.join(KNOWN).upper()}"
        case _:
            return "the mail server was not understood"
