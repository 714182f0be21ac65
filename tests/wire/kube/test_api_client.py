"""The client of the API against a server that misbehaves, or is slow: every end is an error of its own, in time."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from kube.saidserver import SaidServer, Say, answer, request

from shield_proxy.kube import api as client
from shield_proxy.kube.api import Api, Collection
from shield_proxy.kube.errors import ApiError, Conflict, Expired, NotThere, TooLarge, Unreachable
from shield_proxy.kube.follow import Follower
from shield_proxy.kube.line import MOST_ANSWER

CHECKS = Collection("/apis/smartshield.io/v1alpha1", "shop", "healthchecks")
LINES = b'{"type":"ADDED","object":{"metadata":{"name":"a","resourceVersion":"8"}}}\n{"type":"BOOKMARK","object":{}}\n'


def saying(*answers: bytes) -> Say:
    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for each in answers:
            await request(reader)
            writer.write(each)
            await writer.drain()

    return say


@pytest.fixture
def at(tmp_path: Path) -> Any:
    return lambda say: SaidServer(say, tmp_path)


async def test_an_object_is_read(at: Any) -> None:
    async with at(saying(answer(b'{"kind":"Lease"}'))) as api:
        assert await api.read("/x") == {"kind": "Lease"}


async def test_what_is_not_there_reads_as_none(at: Any) -> None:
    async with at(saying(answer(b"{}", "404 Not Found"))) as api:
        assert await api.read("/x") is None


@pytest.mark.parametrize(
    ("status", "kind"), [(404, NotThere), (409, Conflict), (410, Expired), (403, ApiError), (500, ApiError)]
)
async def test_refusals_are_told_apart_and_say_why(at: Any, status: int, kind: type[ApiError]) -> None:
    async with at(saying(answer(b'{"message":"because"}', f"{status} No"))) as api:
        with pytest.raises(kind, match="because") as caught:
            await api.merge("/x", {})
        assert type(caught.value) is kind


async def test_a_server_that_is_busy_says_when_to_come_again(at: Any) -> None:
    async with at(saying(answer(b"no JSON", "429 Too Many Requests", "Retry-After: 7"))) as api:
        with pytest.raises(ApiError) as caught:
            await api.apply("/x", {}, "me")
        assert caught.value.retry_after == 7


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"SSH-2.0-x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 40_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        answer(b"no JSON"),
        answer(b"[]"),
    ],
)
async def test_an_answer_that_makes_no_sense_is_as_good_as_none(at: Any, said: bytes) -> None:
    async with at(saying(said)) as api:
        with pytest.raises(Unreachable):
            await api.read("/x")


async def test_an_endless_answer_is_cut_off(at: Any) -> None:
    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"x" * 65536)
            await writer.drain()
            await asyncio.sleep(0)  # drain alone lets nobody else have a turn

    async with at(say) as api:
        with pytest.raises(Unreachable, match="more than"):
            await api.read("/x")


async def test_silence_ends_in_time(at: Any) -> None:
    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with at(say) as api:
        with pytest.raises(Unreachable, match=r"within 0\.2 s"):
            await api.request("GET", "/x", seconds=0.2)


async def test_nobody_listening_and_a_stranger_are_unreachable(at: Any, tmp_path: Path) -> None:
    server = at(saying(answer(b"{}")))
    async with server as api:
        (tmp_path / "ca.crt").write_text(_stranger())
        with pytest.raises(Unreachable, match="certificate verify failed"):
            await api.read("/x")
    with pytest.raises(Unreachable):
        await api.read("/x")


def _stranger() -> str:
    from world.certificates import Authority

    return Authority("stranger").pem


async def test_a_connection_is_used_again_and_replaced_where_the_server_has_closed_it(at: Any) -> None:
    server = at(saying(answer(b"{}"), answer(b"{}")))
    async with server as api:
        for connections in (1, 1, 2):
            await api.read("/x")
            assert server.connections == connections


async def test_the_token_is_read_anew_for_each_request(at: Any, tmp_path: Path) -> None:
    heads: list[str] = []

    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            heads.append(await request(reader))
            writer.write(answer(b"{}"))

    async with at(say) as api:
        await api.read("/x")
        (tmp_path / "token").write_text("renewed")
        await api.read("/x")
    assert "\r\nAuthorization: Bearer secret\r\n" in heads[0]
    assert "\r\nAuthorization: Bearer renewed\r\n" in heads[1]


async def test_lists_come_in_pages(at: Any) -> None:
    asked: list[str] = []

    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for page in ({"continue": "more"}, {}):
            asked.append(await request(reader))
            body = {"metadata": {"resourceVersion": "5", **page}, "items": [{"metadata": {"name": "a"}}]}
            writer.write(answer(json.dumps(body).encode()))

    found: list[Any] = []
    async with at(say) as api:
        assert await api.list(CHECKS, found.append) == "5"
    assert len(found) == 2
    assert f"?limit={client.PAGE} " in asked[0]
    assert "&continue=more " in asked[1]


async def test_pages_of_large_objects_are_smaller(at: Any) -> None:
    asked: list[int] = []
    most = 5  # of objects as large as alerts get that have told of a thousand failures, in one answer

    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(int((await request(reader)).partition("?limit=")[2].partition(" ")[0]))
        padding = "x" * (MOST_ANSWER // most)
        page = [{"metadata": {"name": f"a{i}"}, "status": padding} for i in range(min(asked[-1], most))]
        writer.write(answer(json.dumps({"metadata": {"resourceVersion": "5"}, "items": page}).encode()))
        await reader.read()

    found: list[Any] = []
    async with at(say) as api:
        assert await api.list(CHECKS, found.append) == "5"
    assert asked == [client.PAGE, client.PAGE // 4, client.PAGE // 16]
    assert len(found) == client.PAGE // 16


async def test_an_object_that_is_too_large_ends_the_list(at: Any) -> None:
    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.write(answer(b"x" * (MOST_ANSWER + 1)))
        await reader.read()

    async with at(say) as api:
        with pytest.raises(TooLarge):
            await api.list(CHECKS, lambda _: None)


async def test_events_are_taken_from_pieces_of_any_size(at: Any) -> None:
    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for byte in LINES:
            writer.write(b"1\r\n%c\r\n" % byte)
        writer.write(b"0\r\n\r\n")
        await writer.drain()

    events: list[Any] = []
    async with at(say) as api:
        await api.watch(CHECKS, "7", 5, events.append)
    assert [event["type"] for event in events] == ["ADDED", "BOOKMARK"]


async def test_a_watch_from_a_version_that_is_gone_lists_again(at: Any) -> None:
    asked: list[str] = []
    page = answer(b'{"metadata":{"resourceVersion":"5"},"items":[{"metadata":{"name":"a"}}]}')
    gone = b'{"type":"ERROR","object":{"code":410,"message":"too old"}}\n'

    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            line = (await request(reader)).split("\r\n")[0]
            asked.append("watch" if "watch=true" in line else "list")
            writer.write(answer(gone) if asked[-1] == "watch" else page)

    views: list[dict[str, Any]] = []
    async with at(say) as api:
        follower: Follower[Any] = Follower(api, CHECKS, dict, lambda view: views.append(dict(view)))
        task = asyncio.create_task(follower.run())
        async with asyncio.timeout(10):
            while asked.count("list") < 2:
                await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task])
    assert asked[:3] == ["list", "watch", "list"]
    assert list(views[-1]) == ["a"]


async def test_objects_come_and_go_in_what_is_followed() -> None:
    views: list[list[str]] = []
    api = Api(None)  # type: ignore[arg-type]
    follower: Follower[Any] = Follower(
        api, CHECKS, lambda each: each if each.get("ours") else None, lambda view: views.append(sorted(view))
    )

    def event(kind: str, name: str, ours: bool = True) -> None:
        follower._take({"type": kind, "object": {"metadata": {"name": name}, "ours": ours}})

    event("ADDED", "a")
    event("ADDED", "others", ours=False)
    event("MODIFIED", "b")
    event("MODIFIED", "a", ours=False)
    event("DELETED", "b")
    assert views == [["a"], ["a", "b"], ["b"], []]
