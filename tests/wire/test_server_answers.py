"""The server on a real socket answers in order, whole, and by the rules of the version it was asked in."""

import asyncio

import pytest
from echoserver import GET, Server
from world.fleet import until


async def test_absolute_form_means_what_it_names(server: Server) -> None:
    client = await server.client()
    client.send(b"GET http://A.example:80?q=1 HTTP/1.1\r\nHost: a.example:80\r\n\r\n")
    assert (await client.read()).body == b"GET/?q=1"
    assert server.service.seen[0].head.authority == b"a.example:80"


async def test_pipelined_requests_are_answered_in_order_slow_or_fast(server: Server) -> None:
    client = await server.client()
    names = [b"slow", b"now/1", b"hit", b"stream", b"now/2", b"hit", b"slow"]
    client.send(b"".join(GET % name for name in names) * 3)
    bodies = [(await client.read()).body for _ in range(3 * len(names))]
    assert bodies == [b"GET/slow", b"/now/1", b"hit", b"onetwothree", b"/now/2", b"hit", b"GET/slow"] * 3


async def test_a_plain_request_never_meets_the_full_parser(server: Server) -> None:
    client = await server.client()
    for expected in (1, 2, 3):
        client.send(GET % b"hit")
        await client.read()
        assert server.service.hits == expected


async def test_any_split_of_the_bytes_gives_the_same_answers(server: Server) -> None:
    raw = b"\r\n" + GET % b"hit" + b"POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    raw += b"3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nX: y\r\n\r\n" + GET % b"now"
    for step in (1, 2, 3, 7, len(raw)):
        client = await server.client()
        for start in range(0, len(raw), step):
            client.send(raw[start : start + step])
            await asyncio.sleep(0)
        assert [(await client.read()).body for _ in range(3)] == [b"hit", b"POST/pabc0123456789", b"/now"]
        await client.close()


async def test_http_1_0_closes_unless_asked_and_gets_no_chunks(server: Server) -> None:
    client = await server.client()
    client.send(b"GET /stream HTTP/1.0\r\nHost: a\r\n\r\n")
    assert (await client.read()).body == b"onetwothree"
    client = await server.client()
    client.send(b"GET /now HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n")
    response = await client.read()
    assert (response.body, response["connection"]) == (b"/now", "keep-alive")
    client.send(b"GET /now HTTP/1.0\r\nHost: a\r\n\r\n")
    assert (await client.read())["connection"] == "close"
    assert await client.closed()


async def test_connection_close_is_obeyed(server: Server) -> None:
    client = await server.client()
    client.send(b"GET /now HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + GET % b"now")
    assert (await client.read())["connection"] == "close"
    assert await client.closed()


async def test_head_has_the_length_and_no_body(server: Server) -> None:
    client = await server.client()
    client.send(b"HEAD /now HTTP/1.1\r\nHost: a\r\n\r\n" + GET % b"now")
    assert (await client.read("HEAD"))["content-length"] == "4"
    assert (await client.read()).body == b"/now"


async def test_interim_responses_come_first_and_not_to_http_1_0(server: Server) -> None:
    client = await server.client()
    client.send(GET % b"interim")
    response = await client.read()
    assert (response.interim, response.body) == ([b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"], b"ok")
    client.send(b"GET /interim HTTP/1.0\r\nHost: a\r\n\r\n")
    assert (await client.read()).interim == []


async def test_an_answer_before_the_body_was_read_closes_the_connection(server: Server) -> None:
    client = await server.client()
    client.send(b"POST /unread HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 1000)
    response = await client.read()
    assert (response.status, response["connection"]) == (200, "close")


async def test_a_service_that_breaks_is_a_500_or_a_cut(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    client = await server.client()
    client.send(GET % b"broken")
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await client.read()
    assert "broken on purpose" in caplog.text
    client = await server.client()
    client.send(GET % b"refused")
    assert (await client.read()).status == 418


async def test_what_was_asked_before_a_client_had_sent_all_is_answered(server: Server) -> None:
    client = await server.client()
    server.service.gate.clear()
    client.send(GET % b"slow" + GET % b"now" + GET % b"stream" + GET % b"hit" + b"GET /part")
    client.writer.write_eof()
    await until(lambda: bool(server.service.seen))
    server.service.gate.set()
    bodies = [(await client.read()).body for _ in range(4)]
    assert bodies == [b"GET/slow", b"/now", b"onetwothree", b"hit"]
    assert await client.closed()
