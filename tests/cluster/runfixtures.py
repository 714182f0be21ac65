"""Fixtures of tests of runs: an API server that has only what a run needs, an account of its prober, and an origin."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from bareapi import BareApi
from localcluster.artifacts import binaries
from runspace import Origin, account_of, emptied, served
from shield_proxy.kube.account import Account


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BareApi]:
    """See `served`."""
    with served(tmp_path_factory.mktemp("api"), binaries.kc()) as api:
        yield api


@pytest.fixture
def api(server: BareApi) -> Iterator[BareApi]:
    """See `emptied`."""
    with emptied(server) as api:
        yield api


@pytest.fixture
def account(api: BareApi, tmp_path: Path) -> Account:
    """See `account_of`."""
    return account_of(api, tmp_path)


@pytest_asyncio.fixture
async def origin() -> AsyncIterator[Origin]:
    """See Origin."""
    async with Origin.listening() as made:
        yield made
