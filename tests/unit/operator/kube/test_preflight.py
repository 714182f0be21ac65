"""When everything is looked for again that must be there before anything is watched."""

import logging
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from kubernetes.aio.client.exceptions import ApiException

from shield_operator.kube import preflight
from shield_operator.kube.api import Api
from shield_operator.kube.kinds import WATCHED
from shield_operator.kube.preflight import MOST_PAUSE, MOST_SILENT_PAUSE, missing, until_nothing_is_missing


class Server:
    """An API server in front of which time passes only where somebody sleeps; `trouble` ends at `until`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, trouble: Callable[[], Exception], until: float) -> None:
        self.now, self.asked = 0.0, 0
        self.trouble, self.until = trouble, until
        monkeypatch.setattr(preflight, "asyncio", SimpleNamespace(sleep=self.sleep))

    async def sleep(self, seconds: float) -> None:
        self.now += seconds

    async def request(self, *_: Any, **__: Any) -> Any:
        self.asked += 1
        if self.now < self.until:
            raise self.trouble()
        return {"items": [], "metadata": {}}

    @property
    def api(self) -> Api:
        client: Any = self
        return Api(client)

    async def wait(self) -> float:
        """Seconds from the end of the trouble until all is found."""
        await until_nothing_is_missing(self.api, lambda: self.now)
        return self.now - self.until


def silent() -> Exception:
    return aiohttp.ClientConnectionError("refused")


def in_trouble() -> Exception:
    return ApiException(status=503, reason="etcd has no leader")


def unwilling() -> Exception:
    return ApiException(status=403, reason="no")


@pytest.mark.parametrize("trouble", [silent, in_trouble])
@pytest.mark.parametrize("outage", [10, 32, 62, 3600])
async def test_a_server_that_is_back_is_watched_again_soon_however_long_it_was_away(
    monkeypatch: pytest.MonkeyPatch, trouble: Callable[[], Exception], outage: float
) -> None:
    assert await Server(monkeypatch, trouble, outage).wait() <= MOST_SILENT_PAUSE


async def test_what_somebody_must_install_or_allow_is_looked_for_less_and_less_often(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = Server(monkeypatch, unwilling, 1 + 2 + 4 + 8 + 16 + MOST_PAUSE)
    assert await server.wait() == 0.0
    assert server.asked == 7 * len(WATCHED)


async def test_a_silent_server_is_asked_once_in_a_round(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(monkeypatch, silent, 1.0)
    assert len((await missing(server.api))[0]) == server.asked == 1


async def test_what_stays_missing_is_said_once_in_half_a_minute(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        await Server(monkeypatch, silent, 100.0).wait()
    assert len(caplog.messages) == 4
