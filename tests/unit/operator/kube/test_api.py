"""The gate of writes: judged when the headers are about to leave, not when the request was made."""

import asyncio
from collections.abc import AsyncIterator, Callable

import aiohttp
import pytest
from aiohttp import web

from shield_operator.kube.api import fence
from shield_operator.kube.leadership import Leadership, LeaseLost

OBJECT = "/api/v1/namespaces/leases/services/leases"
LEASE = "/apis/coordination.k8s.io/v1/namespaces/shield-system/leases/shield-operator"


class Server:
    """An API server that notes what reached it, and answers reads of /slow when told to."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []
        self.go = asyncio.Event()
        self.url = ""

    async def answer(self, request: web.Request) -> web.Response:
        self.seen.append((request.method, request.path))
        if request.path == "/slow":
            await self.go.wait()
        return web.Response(text="{}")


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    one = Server()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", one.answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    one.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield one
    await runner.cleanup()


def session(check: Callable[[], None], connections: int = 10) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=connections), trace_configs=[fence(check)], raise_for_status=True
    )


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_without_the_lease_nothing_that_changes_anything_is_sent(server: Server, method: str) -> None:
    async with session(Leadership().check) as client:
        with pytest.raises(LeaseLost):
            await client.request(method, server.url + OBJECT, data="{}")
    assert server.seen == []


async def test_reads_and_the_lease_itself_need_no_lease(server: Server) -> None:
    async with session(Leadership().check) as client:
        for method, path in (("GET", OBJECT), ("PUT", LEASE), ("POST", LEASE)):
            async with client.request(method, server.url + path):
                pass
    assert server.seen == [("GET", OBJECT), ("PUT", LEASE), ("POST", LEASE)]


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
async def test_leases_of_probers_are_written_by_a_leader_alone(server: Server, method: str) -> None:
    async with session(Leadership().check) as client:
        with pytest.raises(LeaseLost):
            await client.request(method, server.url + LEASE.replace("shield-system", "shop"), data="{}")
    assert server.seen == []


async def test_a_leader_writes(server: Server) -> None:
    leadership = Leadership()
    leadership.extend(asyncio.get_running_loop().time(), 1)
    async with session(leadership.check) as client, client.put(server.url + OBJECT):
        pass
    assert server.seen == [("PUT", OBJECT)]


async def test_a_write_that_was_held_up_past_the_deadline_is_not_sent(server: Server) -> None:
    leadership = Leadership()
    leadership.extend(asyncio.get_running_loop().time(), 1)
    async with session(leadership.check, connections=1) as client:

        async def read() -> None:
            async with client.get(server.url + "/slow"):
                pass

        reading = asyncio.create_task(read())
        async with asyncio.timeout(5):
            while not server.seen:
                await asyncio.sleep(0.01)
        writing = asyncio.create_task(client.put(server.url + OBJECT))
        await asyncio.sleep(0)  # It waits for the only connection.
        leadership.end()
        server.go.set()
        await reading
        with pytest.raises(LeaseLost):
            await writing
    assert server.seen == [("GET", "/slow")]
