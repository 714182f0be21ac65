"""What bounds a probe: time, attempts, memory, descriptors."""

import asyncio
import re
import socket
import time
import tracemalloc
from pathlib import Path

import pytest
from health.place import ID, SHORT, WEB, Place
from health.servers import OK, Behaviour, answers, context_of, encrypted, floods, read_head, serving, wait_for_end
from nameserver import NameServer

from shield_proxy.config.checks.check import Check, CheckType, HttpConfig
from shield_proxy.config.checks.reasons import Reason

HEAD = b"HTTP/1.1 200 OK\r\n"


def the_first_is_late(then: Behaviour) -> Behaviour:
    waiting = [True]

    def behave(sock: socket.socket) -> None:
        if waiting:
            waiting.clear()
            wait_for_end(sock)
        else:
            then(sock)

    return behave


async def test_an_attempt_that_timed_out_is_repeated_at_once(place: Place) -> None:
    with serving(the_first_is_late(answers(OK))) as server:
        sample = await place.probe(server.port, timeout=SHORT, retries=2)
        assert (sample.reason, sample.attempts, server.connections) == (None, 2, 2)
        assert sample.waterfall.total < SHORT
    with serving(wait_for_end) as server:
        sample = await place.probe(server.port, timeout=0.2, retries=2)
        assert (sample.reason, sample.attempts, server.connections) == (Reason.HTTP_TIMEOUT, 3, 3)


async def test_other_failures_are_not_repeated(place: Place) -> None:
    with serving(answers(b"HTTP/1.1 500 Broken\r\n\r\n")) as server:
        sample = await place.probe(server.port, retries=2)
        assert (sample.reason, sample.attempts, server.connections) == (Reason.CODE_MISMATCH, 1, 1)


async def test_attempts_end_before_the_next_probe_begins_and_the_last_has_what_is_left(place: Place) -> None:
    with serving(wait_for_end) as server:
        check = Check(ID, "shop", "127.0.0.1", timeout=1.2, retries=5, http=HttpConfig(port=server.port))
        sample = await place.prober.probe(check, within=2.4)
        assert (sample.reason, sample.attempts) == (Reason.HTTP_TIMEOUT, 2)
        (seconds,) = re.findall(r"within (\S+) s", sample.detail)
        assert 1 <= float(seconds) < 1.1 + 0.01


async def test_an_attempt_that_would_have_next_to_no_time_is_not_made(place: Place) -> None:
    with serving(wait_for_end) as server:
        check = Check(ID, "shop", "127.0.0.1", timeout=1.2, retries=5, http=HttpConfig(port=server.port))
        sample = await place.prober.probe(check, within=2)
        assert (sample.reason, sample.attempts) == (Reason.HTTP_TIMEOUT, 1)


async def test_all_redirects_together_have_the_time_of_one_attempt(place: Place) -> None:
    def slow(sock: socket.socket) -> None:
        read_head(sock)
        time.sleep(0.25)
        sock.sendall(b"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n")
        wait_for_end(sock)

    with serving(slow) as server:
        sample = await place.probe(server.port, timeout=SHORT, follow_redirects=True)
        assert (sample.reason, sample.code) == (Reason.HTTP_TIMEOUT, 302)


async def test_floods_take_no_memory_and_nothing_stays_open(place: Place) -> None:
    floodings = [
        floods(HEAD, b"X: " + b"y" * 65536),
        floods(HEAD + b"\r\n", b"y" * 65536),
        floods(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + b"y" * 65536 + b"\r\n"),
        floods(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 999),
    ]
    context = context_of(place.files("web.example"))
    behaviours = [*floodings, *(encrypted(context, flooding) for flooding in floodings)]
    descriptors = open_descriptors()
    for i, behave in enumerate(behaviours):
        with serving(behave) as server:
            tracemalloc.start()
            sample = await place.probe(server.port, "HTTPS" if i >= len(floodings) else "HTTP", header=WEB)
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            assert sample.reason in (None, Reason.HTTP_INVALID)
            assert peak < 1 << 20
    await asyncio.sleep(0.05)
    assert open_descriptors() == descriptors


@pytest.mark.parametrize("kind", ["HTTP", "HTTPS"])
async def test_a_probe_that_is_given_up_leaves_no_descriptor(place: Place, kind: str) -> None:
    with serving(wait_for_end) as server:
        check = Check(ID, "shop", "127.0.0.1", CheckType(kind), http=HttpConfig(port=server.port))
        before = open_descriptors()
        probing = asyncio.create_task(place.prober.probe(check))
        while not server.connections:
            await asyncio.sleep(0.01)
        probing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await probing
        while open_descriptors() != before:
            await asyncio.sleep(0.01)


async def test_many_probes_run_side_by_side(place: Place) -> None:
    place.names.records["web.example"] = (60, ["127.0.0.1"])
    context = context_of(place.files("web.example"))
    with serving(encrypted(context, answers(OK))) as good, serving(wait_for_end) as silent:
        began = time.monotonic()
        probes = [place.probe(good.port, "HTTPS", address="web.example", timeout=5) for _ in range(25)]
        probes += [place.probe(silent.port, timeout=1) for _ in range(25)]
        samples = await asyncio.gather(*probes)
        assert time.monotonic() - began < 4
    assert [sample.reason for sample in samples] == [None] * 25 + [Reason.HTTP_TIMEOUT] * 25


def test_a_probe_is_the_same_on_asyncios_own_loop(tmp_path: Path) -> None:
    async def main() -> list[Reason | None]:
        async with NameServer() as names:
            place = Place(names, tmp_path)
            context = context_of(place.files("web.example"))
            with serving(encrypted(context, answers(OK))) as good, serving(wait_for_end) as silent:
                samples = [
                    await place.probe(good.port, "HTTPS", header=WEB),
                    await place.probe(silent.port, "HTTPS", header=WEB, timeout=0.3),
                    await place.probe(good.port, header=WEB),
                    await place.probe(80, address="nobody.example"),
                ]
            await place.prober.close()
            return [sample.reason for sample in samples]

    with asyncio.Runner() as runner:
        reasons = runner.run(main())
    assert reasons[:2] == [None, Reason.HTTP_TIMEOUT]
    assert reasons[2] in (Reason.HTTP_INVALID, Reason.RESET)
    assert reasons[3] is Reason.DNS_UNKNOWN_HOST


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
