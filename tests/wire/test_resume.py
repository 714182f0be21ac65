"""Sessions toward origins, over real TLS."""

import asyncio
import ssl
from pathlib import Path

import pytest
import uvloop
from world.certificates import Authority

from shield_proxy.wire.upstream.resume import TRUSTED, ResumingContext

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
def test_a_session_is_resumed_for_a_while_then_the_certificate_is_asked_for(
    tmp_path: Path, loop: str, version: ssl.TLSVersion
) -> None:
    authority = Authority()
    files = authority.issue(tmp_path, "web.example")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(files / "tls.crt", files / "tls.key")
    server.maximum_version = version
    client = ResumingContext(ssl.PROTOCOL_TLS_CLIENT)
    client.load_verify_locations(cadata=authority.pem)
    now = 0.0
    client.clock = lambda: now

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readline())
        writer.close()

    async def ask(port: int, name: str) -> bool:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=client, server_hostname=name)
        tls: ssl.SSLObject = writer.get_extra_info("ssl_object")
        client.connected(tls)
        writer.write(b"x\n")
        assert await reader.readline() == b"x\n"
        writer.close()
        return bool(tls.session_reused)

    async def main() -> None:
        nonlocal now
        async with await asyncio.start_server(answer, "127.0.0.1", 0, ssl=server) as listening:
            port = listening.sockets[0].getsockname()[1]
            assert [await ask(port, "web.example") for _ in range(3)] == [False, True, True]
            with pytest.raises(ssl.SSLCertVerificationError):
                await ask(port, "other.example")
            now = TRUSTED + 1
            assert [await ask(port, "web.example") for _ in range(2)] == [False, True]

    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        runner.run(main())
