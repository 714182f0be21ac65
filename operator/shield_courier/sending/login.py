"""Credentials, told to a mail server (RFC 4954): once, in the plainest way that it takes, for TLS keeps them secret."""

import aiosmtplib
from aiosmtplib import SMTP

KNOWN = ("plain", "login", "cram-md5")
"""In this order. CRAM-MD5 is the last: many servers offer it and can't check it, for they keep hashes of passwords
alone, and each attempt that fails is answered late and counted against the account and the address."""
_OTHERWISE = frozenset((500, 502, 504, 534))
"""Replies that refuse the mechanism, not the credentials."""


class NoMechanism(aiosmtplib.SMTPException):
    """The server offers none that is known."""


async def log_in(client: SMTP, username: str, password: str) -> None:
    """The server has taken the credentials. SMTPAuthenticationError: it has not; no other mechanism was tried then,
    lest one attempt is counted as several. NoMechanism; SMTPException."""
    if client.is_ehlo_or_helo_needed:
        await client.ehlo()
    offered = [each for each in KNOWN if each in client.server_auth_methods]
    if not offered:
        raise NoMechanism("none of those that are known")
    told = {"plain": client.auth_plain, "login": client.auth_login, "cram-md5": client.auth_crammd5}
    for mechanism in offered:
        try:
            await told[mechanism](username, password)
            return
        except aiosmtplib.SMTPAuthenticationError as error:
            if error.code not in _OTHERWISE or mechanism == offered[-1]:
                raise
