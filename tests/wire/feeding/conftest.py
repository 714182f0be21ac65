"""A service, who vouches for it, and how it is reached."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from feeding.analytics import Service
from health.servers import context_of, encrypted, serving
from world.certificates import Authority

from shield_proxy.config.checks.feed import read_sink
from shield_proxy.process.feeding import Access


@pytest.fixture
def authority() -> Authority:
    return Authority()


@pytest.fixture
def service(authority: Authority, tmp_path: Path) -> Iterator[Service]:
    made = Service()
    context = context_of(authority.issue(tmp_path / "server", "127.0.0.1"))
    with serving(lambda sock: encrypted(context, made.behave)(sock)) as server:
        made.port = server.port
        yield made


@pytest.fixture
def access(service: Service, authority: Authority, tmp_path: Path) -> Access:
    folder = tmp_path / "samples"
    folder.mkdir()
    (folder / "token").write_text("t0k3n\n")
    return Access(read_sink(f"https://127.0.0.1:{service.port}/v1/samples?cluster=a"), folder, authority.pem)
