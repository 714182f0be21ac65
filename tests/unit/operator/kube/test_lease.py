"""Taking the Lease: from others when they are silent, and again after this process itself could not renew it."""

import asyncio
import copy
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from kubernetes.aio.client.exceptions import ApiException

from shield_operator.kube import lease
from shield_operator.kube.api import Api
from shield_operator.kube.leadership import LEASE_SECONDS, RENEW_SECONDS, Leadership, LeaseLost
from shield_operator.kube.lease import LeaseKeeper
from shield_operator.kube.progress import Progress


class Server:
    """An API server with one Lease, away at times; time passes only where somebody sleeps."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.version = 1000.0, 0
        self.away = [(0.0, 0.0)]
        self.lease: dict[str, Any] | None = None
        monkeypatch.setattr(lease, "time", SimpleNamespace(monotonic=self.clock))
        monkeypatch.setattr(lease, "asyncio", SimpleNamespace(Lock=asyncio.Lock, sleep=self.sleep))

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds

    async def request(self, method: str, _path: str, body: Any = None, **_: Any) -> Any:
        if any(begin <= self.now < end for begin, end in self.away):
            raise aiohttp.ClientConnectionError("refused")
        if method == "get":
            if self.lease is None:
                raise ApiException(status=404, reason="none")
            return copy.deepcopy(self.lease)
        if self.lease is not None and body["metadata"].get("resourceVersion") != str(self.version):
            raise ApiException(status=409, reason="another version")
        self.version += 1
        self.lease = copy.deepcopy(body)
        self.lease["metadata"]["resourceVersion"] = str(self.version)
        return copy.deepcopy(self.lease)

    def keeper(self, identity: str) -> tuple[LeaseKeeper, Leadership]:
        client: Any = self
        leadership = Leadership(self.clock)
        return LeaseKeeper(Api(client), "shield-system", identity, leadership, Progress()), leadership

    @property
    def spec(self) -> dict[str, Any]:
        assert self.lease is not None
        spec: dict[str, Any] = self.lease["spec"]
        return spec


@pytest.mark.parametrize("outage", [12.0, 30.0, 3600.0])
async def test_who_could_not_renew_leads_again_as_soon_as_nothing_of_the_former_term_is_on_its_way(
    monkeypatch: pytest.MonkeyPatch, outage: float
) -> None:
    server = Server(monkeypatch)
    keeper, leadership = server.keeper("me")
    await keeper.acquire()
    last, back = server.now, server.now + 1.0 + outage
    server.away = [(server.now + 1.0, back)]
    with pytest.raises(LeaseLost):
        await keeper.renew_until_lost()
    leadership.end()
    await keeper.acquire()
    soonest = max(back, last + LEASE_SECONDS)
    assert soonest <= server.now <= soonest + RENEW_SECONDS
    assert (leadership.held, leadership.transitions, server.spec["holderIdentity"]) == (True, 2, "me")


async def test_who_was_not_told_that_he_has_the_lease_takes_it_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing was ever written under it: the answer to the first claim was lost."""
    server = Server(monkeypatch)
    other, _ = server.keeper("me")
    await other.acquire()
    began = server.now
    keeper, leadership = server.keeper("me")
    await keeper.acquire()
    assert (server.now, leadership.transitions) == (began, 2)


async def test_the_lease_of_another_is_waited_for_however_long_the_server_was_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = Server(monkeypatch)
    other, _ = server.keeper("other")
    await other.acquire()
    back = server.now + 60.0
    server.away = [(server.now, back)]
    keeper, _ = server.keeper("me")
    await keeper.acquire()
    assert back + LEASE_SECONDS <= server.now <= back + LEASE_SECONDS + RENEW_SECONDS
    assert server.spec["holderIdentity"] == "me"


async def test_a_lease_that_another_took_meanwhile_is_his(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(monkeypatch)
    keeper, leadership = server.keeper("me")
    await keeper.acquire()
    leadership.end()
    server.spec["holderIdentity"] = "other"
    server.now += 3600.0
    began = server.now
    await keeper.acquire()
    assert server.now >= began + LEASE_SECONDS
