"""The corpus of malformed and ambiguous requests, through a lower and an upper tier to a strictly reading origin."""

import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from corpus import chunks, codings, connection, fields, hosts, lengths, lines
from corpus.cases import Case, No, Yes
from corpus.conversation import Place, ways
from corpus.recorder import Recorder
from world.certificates import Authority
from world.fleet import Clock, Fleet, until, zone

from shield_proxy.config.contract import Tier
from shield_proxy.config.identity import PodIdentity

CASES = [case for module in (lengths, codings, chunks, fields, lines, hosts, connection) for case in module.CASES]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def places(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, Place]]:
    """A lower's client port and an upper's hop port, one origin behind both."""
    directory = tmp_path_factory.mktemp("corpus")
    origin, authority = Recorder(), Authority()
    await origin.start()
    fleet = Fleet(directory, Clock(), authority)
    await fleet.add("low", Tier.LOWER)
    await fleet.add("up", Tier.UPPER)
    fleet.use(zone(origin.port))
    yield {
        "client": Place(fleet.pods["low"].client_addresses[0], origin),
        "hop": Place(fleet.pods["up"].hop_addresses[0], origin, _pod(authority, directory)),
    }
    await fleet.close()
    await origin.stop()
    await until(lambda: all(connection.closed for connection in origin.connections))


def _pod(authority: Authority, directory: Path) -> ssl.SSLContext:
    folder = authority.issue(directory / "caller", PodIdentity("shop", "default", "lower").uri)
    context = ssl.create_default_context(cafile=str(folder / "ca.crt"))
    context.check_hostname = False
    context.load_cert_chain(folder / "tls.crt", folder / "tls.key")
    return context


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("case", CASES, ids=str)
async def test_a_client_gets_the_verdict_and_the_origin_exactly_what_was_judged(
    places: dict[str, Place], case: Case, caplog: pytest.LogCaptureFixture
) -> None:
    for pieces in ways(case.raw):
        await places["client"].judge(case, pieces)
    assert not [record for record in caplog.records if record.levelname in ("ERROR", "CRITICAL")]


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("case", [case for case in CASES if case.hop], ids=str)
async def test_a_pod_is_judged_as_strictly(
    places: dict[str, Place], case: Case, caplog: pytest.LogCaptureFixture
) -> None:
    for pieces in ways(case.raw):
        await places["hop"].judge(case, pieces)
    assert not [record for record in caplog.records if record.levelname in ("ERROR", "CRITICAL")]


def test_the_corpus_is_large_and_its_names_are_one_each() -> None:
    assert len(CASES) == len({case.name for case in CASES}) == len({case.raw for case in CASES})
    assert sum(isinstance(case.verdict, No) for case in CASES) > 300
    assert sum(isinstance(case.verdict, Yes) for case in CASES) > 60
