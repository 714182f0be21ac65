"""The command `shield-proxy probe`: one run of a prober, from the settings of its pod to its end."""

import argparse
import asyncio
import logging
import os
import re
import secrets
import signal
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from shield_proxy.config.checks.contract import INTERNAL_NETWORKS, MOST_INTERNAL, OWN_SERVICES
from shield_proxy.config.checks.feed import (
    DEFAULT_DIR,
    FEED_AUTHORITIES,
    FEED_DIR,
    FEED_URL,
    Probed,
    read_sink,
    sample_line,
)
from shield_proxy.config.checks.hostnames import read_address
from shield_proxy.config.checks.sample import Sample
from shield_proxy.config.contract import HEALTH_PORT
from shield_proxy.config.internal import Internal, internal_addresses
from shield_proxy.config.reading import InvalidField
from shield_proxy.health.probe import Prober
from shield_proxy.health.running.assigned import Assigned
from shield_proxy.health.running.run import Duty, Run
from shield_proxy.health.running.standing import Place
from shield_proxy.kube.account import HOST, SERVICE_ACCOUNT, Account, account_of_pod
from shield_proxy.kube.api import Api
from shield_proxy.process.feeding import Access, Feed, feeding
from shield_proxy.process.metrics import render
from shield_proxy.process.probefigures import probe_families
from shield_proxy.wire.healthport import Answer, Pages, health_port, verdict
from shield_proxy.wire.logoutlet import LogOutlet, OutletLog

STDOUT, STDERR = 1, 2
LOG_SECONDS = 1.0
"""What is left of the log at the end gets so long."""
PREPARE_SECONDS = 0.5
"""After which the Lease was surely asked for: then what the first probe needs is loaded."""
LOG_LEVELS = ("debug", "info", "warning", "error")
_PLACE = re.compile(r"([^/\s]+)/([^/\s]+)")
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class ProbeSettings:
    """Of one run."""

    duty: Duty
    run: str
    account: Account
    internal: Internal
    health: tuple[str, int] | None
    """Where /livez and /metrics are."""
    log_level: str
    feed: Access | None = None
    """Who is sent samples."""


def add_probe(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The command and its options."""
    probe = commands.add_parser(
        "probe",
        help="one run of a prober of health checks, in a pod of a cluster",
        description="Probes the HealthChecks that the operator has assigned to a data centre and shard, until the next "
        "run has them or SIGTERM ends it. Changes are lines of JSON on standard output, the log is on standard error.",
    )
    probe.add_argument("--namespace", metavar="NAME", required=True, help="of the HealthChecks and the Lease")
    probe.add_argument("--data-center", metavar="REGION/ZONE", required=True, help="where this run probes from")
    probe.add_argument("--shard", metavar="N", type=int, required=True, help="which checks of the namespace")
    probe.add_argument("--lease", metavar="NAME", required=True, help="the Lease by which runs hand over")
    probe.add_argument(
        "--health", metavar="ADDR:PORT", default=f":{HEALTH_PORT}", help="/livez and /metrics; `none`: nowhere"
    )
    probe.add_argument(
        "--account", metavar="DIR", type=Path, default=SERVICE_ACCOUNT, help="token and ca.crt of the ServiceAccount"
    )


def settings_of(options: argparse.Namespace, environment: Mapping[str, str]) -> ProbeSettings:
    """The settings of a run. InvalidField."""
    place = _PLACE.fullmatch(options.data_center)
    if place is None:
        raise InvalidField("--data-center", f"must be REGION/ZONE, not {options.data_center[:80]!r}")
    for option, name in (("--namespace", options.namespace), ("--lease", options.lease)):
        if _NAME.fullmatch(name) is None:
            raise InvalidField(option, f"must be the name of an object, not {name[:80]!r}")
    if options.shard < 0:
        raise InvalidField("--shard", f"must not be negative, as {options.shard} is")
    level = environment.get("SHIELD_LOG_LEVEL") or "info"
    if level not in LOG_LEVELS:
        raise InvalidField("SHIELD_LOG_LEVEL", f"must be one of {', '.join(LOG_LEVELS)}, not {level[:20]!r}")
    return ProbeSettings(
        duty=Duty(options.namespace, Place(place[1], place[2]), options.shard, options.lease),
        # A pod's name, and something more: a container that is started again is another run.
        run=f"{environment.get('POD_NAME') or os.uname().nodename}-{secrets.token_hex(2)}",
        account=account_of_pod(environment, options.account),
        internal=_internal(environment),
        health=_health(options.health),
        log_level=level,
        feed=_feed(environment),
    )


def run_probes(settings: ProbeSettings) -> int:
    """0 when the run has ended, by itself or by SIGTERM."""
    outlet, lines = LogOutlet(STDERR), LogOutlet(STDOUT)
    logging.basicConfig(
        level=settings.log_level.upper(),
        handlers=[OutletLog(outlet)],
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        force=True,
    )
    try:
        asyncio.run(_run(settings, lines))
        return 0
    finally:
        lines.close(LOG_SECONDS)
        outlet.close(LOG_SECONDS)


async def _run(settings: ProbeSettings, lines: LogOutlet) -> None:
    api, prober = Api(settings.account), Prober(settings.internal)
    feed = Feed(settings.feed, prober.look_up) if settings.feed is not None else None
    fed = None if feed is None else lambda assigned, sample: feed.offer(_line(settings.duty, assigned, sample))
    run = Run(settings.duty, settings.run, api, prober.probe, time.time, lambda line: _tell(lines, line), fed)
    loop = asyncio.get_running_loop()
    loop.call_later(PREPARE_SECONDS, prober.prepare)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, run.end)
    log = logging.getLogger(__name__)
    log.info("%s begins, for shard %d in %s", settings.run, settings.duty.shard, settings.duty.place.data_centre)
    try:
        async with AsyncExitStack() as stack:
            if settings.health is not None:
                await _show(stack, settings.health, _pages(run, settings.duty, feed))
            if feed is not None:
                await stack.enter_async_context(feeding(feed))
            why = await run.run()
        log.info("%s ends: %s", settings.run, why)
    finally:
        await prober.close()
        api.close()


async def _show(stack: AsyncExitStack, address: tuple[str, int], pages: Pages) -> None:
    """Where nobody can look at it, a run probes all the same."""
    try:
        await stack.enter_async_context(health_port(*address, pages))
    except OSError as error:
        logging.getLogger(__name__).warning("metrics are not served: %s", error)


def _pages(run: Run, duty: Duty, feed: Feed | None) -> Pages:
    async def metrics() -> Answer:
        backlog = feed.backlog if feed is not None else None
        return Answer(await render(probe_families(run.figures, duty, run.verdicts, backlog)))

    return {"/livez": lambda: verdict(""), "/metrics": metrics}


def _line(duty: Duty, assigned: Assigned, sample: Sample) -> bytes:
    place = duty.place
    return sample_line(Probed(duty.namespace, assigned.name, assigned.id, place.region, place.data_centre), sample)


def _feed(environment: Mapping[str, str]) -> Access | None:
    url = environment.get(FEED_URL, "")
    if not url:
        return None
    directory = Path(environment.get(FEED_DIR) or DEFAULT_DIR)
    return Access(read_sink(url), directory, environment.get(FEED_AUTHORITIES) or None)


def _tell(lines: LogOutlet, line: str) -> None:
    lines.offer(line + "\n")


def _internal(environment: Mapping[str, str]) -> Internal:
    networks, services = _members(environment, INTERNAL_NETWORKS), _members(environment, OWN_SERVICES)
    server = environment.get(HOST, "")
    try:
        return internal_addresses([*networks, *([server] if read_address(server) is not None else [])], services)
    except ValueError as error:
        raise InvalidField(f"{INTERNAL_NETWORKS}, {OWN_SERVICES}", str(error)) from error


def _members(environment: Mapping[str, str], name: str) -> list[str]:
    members = [part.strip() for part in environment.get(name, "").split(",") if part.strip()]
    if len(members) > MOST_INTERNAL:
        raise InvalidField(name, f"must have at most {MOST_INTERNAL} members, not {len(members)}")
    return members


def _health(text: str) -> tuple[str, int] | None:
    if text == "none":
        return None
    host, _, port = text.rpartition(":")
    if not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise InvalidField("--health", f"must be ADDR:PORT, :PORT or none, not {text[:80]!r}")
    return host.strip("[]"), int(port)
