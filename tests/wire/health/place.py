"""Where the probes of these tests run: among misbehaving origins, and names that lead to them."""

import tempfile
import time
from pathlib import Path
from typing import Any

from nameserver import NameServer
from world.certificates import Authority

from shield_proxy.config.checks.check import Check, CheckType, HttpConfig, TcpConfig
from shield_proxy.config.internal import internal_addresses
from shield_proxy.health.probe import Prober
from shield_proxy.health.sample import Sample
from shield_proxy.health.trust import Trust
from shield_proxy.wire.upstream.names import Names

ID = "0123456789abcdef0123456789abcdef"
WEB = (("Host", "web.example"),)
SHORT = 0.6
"""Seconds for probes that must time out."""
PROMPT = 0.5
"""Seconds after its timeout within which a probe has ended."""


class Place:
    """Where probes run: a DNS server, an authority that is trusted, and the cluster's own addresses."""

    def __init__(self, names: NameServer, directory: Path) -> None:
        self.names, self.directory = names, directory
        self.authority = Authority()
        self.prober = Prober(
            internal_addresses(["10.96.0.0/12"], loopback=True),
            Names([names.address]),
            Trust(self.authority.pem),
        )

    async def probe(
        self,
        port: int,
        kind: str = "HTTP",
        address: str = "127.0.0.1",
        *,
        timeout: float = 3,
        retries: int = 0,
        **config: Any,
    ) -> Sample:
        """The sample, which came in time."""
        check = Check(
            ID,
            "shop",
            address,
            CheckType(kind),
            timeout=timeout,
            retries=retries,
            http=HttpConfig(port=port, **config),
            tcp=TcpConfig(port),
        )
        began = time.monotonic()
        sample = await self.prober.probe(check)
        assert time.monotonic() - began < sample.attempts * timeout + PROMPT, sample
        return sample

    def files(self, *names: str, authority: Authority | None = None, expired: bool = False) -> Path:
        directory = Path(tempfile.mkdtemp(dir=self.directory))
        return (authority or self.authority).issue(directory, *names, expired=expired)
