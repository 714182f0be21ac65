"""Where deliveries of a test come from: Secrets in files, an authority, names that lead to loopback."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from socket import AF_INET
from ssl import PROTOCOL_TLS_SERVER, SSLContext

from world.certificates import Authority

from shield_courier.sending.delivering import Sender
from shield_courier.sending.names import Endpoint, Names
from shield_courier.sending.secrets import Secrets
from shield_courier.sending.trust import Trust
from shield_proxy.config.internal import internal_addresses


@dataclass
class Place:
    """A sender whose Secrets are files of a directory."""

    directory: Path
    authority: Authority = field(default_factory=Authority)
    ports: dict[str, int] = field(default_factory=dict)
    """Host -> the port of loopback that it leads to, whatever port was asked for."""

    def __post_init__(self) -> None:
        self.names = Names()
        self.secrets = Secrets(self.directory / "secrets")
        self.sender = Sender(self.secrets, Trust(), self._resolve, internal_addresses([], loopback=True))
        self.put("ca", {"ca.crt": self.authority.pem})

    def put(self, secret: str, keys: Mapping[str, str]) -> None:
        """The Secret has these keys."""
        folder = self.secrets.directory / secret
        folder.mkdir(parents=True, exist_ok=True)
        for key, value in keys.items():
            (folder / key).write_text(value)

    def server_tls(self, *names: str, expired: bool = False) -> SSLContext:
        """Of a server with these names, 127.0.0.1 by default."""
        leaf = self.directory / "leaf"
        self.authority.issue(leaf, *(names or ("127.0.0.1",)), expired=expired)
        context = SSLContext(PROTOCOL_TLS_SERVER)
        context.load_cert_chain(leaf / "tls.crt", leaf / "tls.key")
        return context

    async def _resolve(self, host: str, port: int) -> list[Endpoint]:
        if host in self.ports:
            return [Endpoint(AF_INET, "127.0.0.1", self.ports[host])]
        return await self.names.resolve(host, port)
