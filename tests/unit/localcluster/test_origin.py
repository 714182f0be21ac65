"""The test origin on real sockets."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager

from websockets.asyncio.client import connect

from localcluster import originlog
from localcluster.origin import OriginServer


@asynccontextmanager
async def origin(path):
    """A running origin that logs to `path`: its port."""
    with path.open("a") as log:
        server = await OriginServer(log).listen(("127.0.0.1", 0))
        async with server:
            yield server.sockets[0].getsockname()[1]


async def exchange(port, *requests):
    """What one connection received for these requests, sent one after the other, until it was closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"".join(requests))
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    await writer.wait_closed()
    return answer


def get(target, *lines, method="GET", last=False):
    close = ["Connection: close"] if last else []
    return "\r\n".join([f"{method} {target} HTTP/1.1", "Host: o", *lines, *close, "", ""]).encode()


async def test_requests_of_one_connection_are_numbered_and_logged(tmp_path):
    log = tmp_path / "log"
    async with origin(log) as port:
        await exchange(port, get("/cache/a"), get("/cache/b", last=True))
        await exchange(port, get("/cache/c", last=True))
    seen = [(r.target, r.connection, r.nth, r.status, r.source) for r in originlog.read_requests(log)]
    assert seen == [
        ("/cache/a", 1, 1, 200, "127.0.0.1"),
        ("/cache/b", 1, 2, 200, "127.0.0.1"),
        ("/cache/c", 2, 1, 200, "127.0.0.1"),
    ]
    assert originlog.read_counts(log) == originlog.Counts(requests=3, connections=2)


async def test_a_connection_that_asks_nothing_is_counted(tmp_path):
    log = tmp_path / "log"
    async with origin(log) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()
        await writer.wait_closed()
        async with asyncio.timeout(5):
            while originlog.read_counts(log).connections == 0:
                await asyncio.sleep(0.01)
    assert originlog.read_counts(log) == originlog.Counts(requests=0, connections=1)


async def test_an_emptied_log_goes_on_at_its_start(tmp_path):
    log = tmp_path / "log"
    async with origin(log) as port:
        await exchange(port, get("/cache/a", last=True))
        originlog.empty(log)
        await exchange(port, get("/cache/b", last=True))
    assert [r.target for r in originlog.read_requests(log)] == ["/cache/b"]


async def test_bodies_are_hashed_whether_chunked_or_not(tmp_path):
    async with origin(tmp_path / "log") as port:
        plain = await exchange(port, get("/echo", "Content-Length: 5", method="POST", last=True), b"hello")
        chunked = await exchange(
            port,
            get("/echo", "Transfer-Encoding: chunked", method="POST", last=True),
            b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
        )
    bodies = [json.loads(text.partition(b"\r\n\r\n")[2]) for text in (plain, chunked)]
    assert [b["length"] for b in bodies] == [5, 5]
    assert bodies[0]["sha256"] == bodies[1]["sha256"]


async def test_head_has_the_length_of_get_and_no_body(tmp_path):
    async with origin(tmp_path / "log") as port:
        answer = await exchange(port, get("/size/1000", method="HEAD", last=True))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"Content-Length: 1000" in head
    assert body == b""


async def test_chunked_bodies_arrive_whole(tmp_path):
    async with origin(tmp_path / "log") as port:
        answer = await exchange(port, get("/size/70000?chunked=1", last=True))
    body = answer.partition(b"\r\n\r\n")[2]
    assert body.startswith(b"10000\r\n")
    assert body.endswith(b"\r\n0\r\n\r\n")
    assert len(body) == 70000 + len(b"10000\r\n\r\n") + len(b"1170\r\n\r\n") + len(b"0\r\n\r\n")


async def test_short_bodies_end_early(tmp_path):
    async with origin(tmp_path / "log") as port:
        head, _, body = (await exchange(port, get("/short/100"))).partition(b"\r\n\r\n")
    assert b"Content-Length: 100" in head
    assert len(body) == 50


async def test_a_changed_resource_has_a_new_etag(tmp_path):
    async with origin(tmp_path / "log") as port:
        before = await exchange(port, get("/cache/a", last=True))
        await exchange(port, get("/cache/a", "Content-Length: 0", method="PUT", last=True))
        after = await exchange(port, get("/cache/a", last=True))
    assert before.partition(b"\r\n\r\n")[2] != after.partition(b"\r\n\r\n")[2]


async def test_bytes_that_are_no_request_are_answered_with_400(tmp_path):
    async with origin(tmp_path / "log") as port:
        assert (await exchange(port, b"nonsense\r\n\r\n")).startswith(b"HTTP/1.1 400 ")


async def test_a_websocket_sends_back_what_it_gets_and_is_logged(tmp_path):
    log = tmp_path / "log"
    async with (
        origin(log) as port,
        connect(f"ws://127.0.0.1:{port}/any", compression=None, proxy=None, max_size=None) as client,
    ):
        for message in ("", "x" * 125, "y" * 126, b"z" * 70000, "last"):
            await client.send(message)
            assert await client.recv() == message
        await (await client.ping(b"there?"))
    (seen,) = originlog.read_requests(log)
    assert (seen.target, seen.status) == ("/any", 101)
