"""Clients that people use, through a lower and an upper process: curl, wrk, h2load, ab, Python's, Go's, a browser."""

import asyncio
import hashlib
import http.client
import re
import shutil
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from world.processes import Tiers
from world.site import FILE, Site

from localcluster.artifacts import gotool

pytestmark = pytest.mark.asyncio(loop_scope="module")
CLIENTS = Path(__file__).parent / "clients"
QUIET = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions"),
)
"""A browser that runs anywhere and asks nobody but us."""
UPLOAD = b"0123456789abcdef" * (128 << 10)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """The origin, with `port` of the lower tier that serves it."""
    site = Site()
    await site.start()
    yield site
    await site.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def base(site: Site, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """The URL that clients ask."""
    tiers = Tiers(tmp_path_factory.mktemp("tiers"), site.port)
    await asyncio.to_thread(tiers.start)
    yield f"http://127.0.0.1:{tiers.port}"
    await asyncio.to_thread(tiers.stop)
    assert not [line for tier in tiers.all for line in tier.log().splitlines() if " ERROR " in line]


async def run(command: str, *arguments: str, stdin: bytes | None = None, seconds: float = 60, **more: Any) -> bytes:
    """What a program prints; AssertionError where it fails."""
    found = shutil.which(command)
    assert found is not None, f"{command} is not installed (make packages)"
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(found, *arguments, stdin=pipe, stdout=pipe, stderr=pipe, **more)
    try:
        out, complaint = await asyncio.wait_for(process.communicate(stdin or b""), seconds)
    except TimeoutError:
        process.kill()
        await process.communicate()
        raise
    assert process.returncode == 0, (out[-2000:], complaint[-2000:])
    return out


async def curl(*arguments: str, stdin: bytes | None = None) -> bytes:
    return await run("curl", "--silent", "--show-error", "--fail", "--max-time", "30", *arguments, stdin=stdin)


async def test_curl_gets_and_hits(base: str) -> None:
    assert await curl(f"{base}/file") == FILE
    assert b"Shield-Cache-Status: HIT" in await curl("--include", f"{base}/file")
    head = await curl("--head", f"{base}/file")
    assert b"Content-Length: 1048576" in head


async def test_curl_asks_for_ranges_and_conditions(base: str, tmp_path: Path) -> None:
    assert await curl("--range", "100-199", f"{base}/file") == FILE[100:200]
    assert await curl("--range", "-5", f"{base}/file") == FILE[-5:]
    part = tmp_path / "part"
    part.write_bytes(FILE[:1000])
    await curl("--continue-at", "-", "--output", str(part), f"{base}/file")
    assert part.read_bytes() == FILE
    etag = tmp_path / "etag"
    etag.write_text('"one"')
    said = await curl("--write-out", "%{http_code}", "--etag-compare", str(etag), f"{base}/file")
    assert said == b"304"


@pytest.mark.parametrize("framing", ["Content-Length", "Transfer-Encoding: chunked"])
@pytest.mark.parametrize("expect", ["Expect:", "Expect: 100-continue"])
async def test_curl_uploads(base: str, tmp_path: Path, framing: str, expect: str) -> None:
    body = tmp_path / "body"
    body.write_bytes(UPLOAD)
    more = ["--header", framing] if ":" in framing else []
    said = await curl("--header", expect, *more, "--data-binary", f"@{body}", f"{base}/digest")
    assert said.decode() == hashlib.sha256(UPLOAD).hexdigest()
    said = await curl("--header", expect, "--upload-file", "-", f"{base}/digest", stdin=UPLOAD)
    assert said.decode() == hashlib.sha256(UPLOAD).hexdigest()


async def test_curl_speaks_http_1_0(base: str) -> None:
    assert await curl("--http1.0", f"{base}/stream") == b"x" * 655360
    assert await curl("--http1.0", "--data", "abc", f"{base}/echo") == b"POST /echo\nabc"


async def test_curl_keeps_one_connection(base: str) -> None:
    urls = [f"{base}/echo?{number}" for number in range(10)]
    said = await curl("--write-out", "%{num_connects}\n", *urls)
    connects = [int(n) for n in re.findall(rb"^(\d+)$", said, re.MULTILINE)]
    assert sum(connects) == 1


async def test_curl_uses_the_tier_as_a_proxy_would_be_used(base: str) -> None:
    """absolute-form, as clients write it to a forward proxy."""
    assert await curl("--proxy", base, "http://shop.example/echo") == b"GET /echo\n"


async def test_wrk_sees_no_error(base: str) -> None:
    for path in ("/small", "/echo"):
        said = (await run("wrk", "-t1", "-c32", "-d2s", base + path)).decode()
        assert "Non-2xx" not in said
        assert "Socket errors" not in said
        assert int(re.search(r"(\d+) requests in", said)[1]) > 100  # type: ignore[index]


async def test_h2load_sees_no_error(base: str) -> None:
    said = (await run("h2load", "--h1", "-n2000", "-c20", "-m4", f"{base}/small", f"{base}/echo")).decode()
    assert "2000 done, 2000 succeeded, 0 failed, 0 errored, 0 timeout" in said


async def test_ab_sees_no_error_with_and_without_keep_alive(base: str) -> None:
    for keep_alive in ([], ["-k"]):
        said = (await run("ab", "-q", "-n500", "-c10", *keep_alive, f"{base}/small")).decode()
        assert re.search(r"Complete requests:\s+500", said)
        assert re.search(r"Failed requests:\s+0", said)
        assert "Non-2xx" not in said


async def test_pythons_own_clients(base: str) -> None:
    await asyncio.to_thread(_http_client, base.removeprefix("http://"))
    await asyncio.to_thread(_urllib, base)


def _http_client(netloc: str) -> None:
    connection = http.client.HTTPConnection(netloc, timeout=10)
    for _ in range(3):
        connection.request("GET", "/file")
        assert connection.getresponse().read() == FILE
    connection.request("HEAD", "/file")
    answer = connection.getresponse()
    assert (answer.read(), answer.getheader("Content-Length")) == (b"", str(len(FILE)))
    connection.request("POST", "/digest", body=iter([UPLOAD, UPLOAD]), encode_chunked=True)
    assert connection.getresponse().read().decode() == hashlib.sha256(UPLOAD * 2).hexdigest()
    connection.request("OPTIONS", "*")
    assert "GET" in (connection.getresponse().getheader("Allow") or "")
    connection.close()


def _urllib(base: str) -> None:
    with urllib.request.urlopen(f"{base}/file", timeout=10) as answer:
        assert answer.read() == FILE
    asked = urllib.request.Request(f"{base}/digest", data=UPLOAD, headers={"Content-Type": "application/octet-stream"})
    with urllib.request.urlopen(asked, timeout=10) as answer:
        assert answer.read().decode() == hashlib.sha256(UPLOAD).hexdigest()
    missing = urllib.request.Request(f"{base}/x", headers={"Host": "elsewhere.example"})
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(missing, timeout=10)
    assert error.value.code == 404
    error.value.close()


async def test_aiohttp(base: str) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(UPLOAD), 100_000):
            yield UPLOAD[start : start + 100_000]

    async with aiohttp.ClientSession(base) as session:
        async with session.get("/file") as answer:
            assert await answer.read() == FILE
        async with session.post("/digest", data=pieces(), expect100=True) as answer:
            assert await answer.text() == hashlib.sha256(UPLOAD).hexdigest()
        answers = await asyncio.gather(*(_status(session, f"/echo?{number}") for number in range(200)))
        assert answers == [200] * 200
        async with session.ws_connect("/socket") as socket:
            await socket.send_str("hello")
            assert await socket.receive_str() == "hello"


async def _status(session: aiohttp.ClientSession, target: str) -> int:
    async with session.get(target) as answer:
        await answer.read()
        return answer.status


@pytest.mark.timeout(600)  # the first build compiles Go's library
async def test_gos_own_client(base: str, tmp_path: Path) -> None:
    go = await asyncio.to_thread(gotool.find)
    program = tmp_path / "client"
    environment = {**gotool.environment(), "CGO_ENABLED": "0"}
    await run(str(go), "build", "-o", str(program), ".", seconds=300, cwd=str(CLIENTS), env=environment)
    assert await run(str(program), base) == b"well\n"


async def test_a_browser_loads_a_page_with_all_that_belongs_to_it(base: str, site: Site, tmp_path: Path) -> None:
    dom = await run("chromium", *QUIET, f"--user-data-dir={tmp_path / 'dump'}", "--dump-dom", f"{base}/")
    assert b"<title>Shop</title>" in dom
    browser = shutil.which("chromium")
    assert browser is not None
    quiet = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(
        browser, *QUIET, f"--user-data-dir={tmp_path / 'stay'}", f"{base}/", stdout=quiet, stderr=quiet
    )
    try:
        found = await asyncio.wait_for(asyncio.shield(site.report), 60)
    finally:
        process.terminate()
        await process.wait()
    assert found.split() == [
        "picture-7",
        "style-42px",
        "file-1048576",
        "post-24",
        "stream-655360",
        "socket-message",
    ]
