"""The shell of one process: opens the ports, follows mounted files, drains on SIGTERM."""

import asyncio
import logging
import os
import random
import signal
import time
from collections.abc import Callable, Coroutine, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from shield_proxy.config.contract import Tier
from shield_proxy.process.certificates import CertificateFollower, certificate_families, shown_where
from shield_proxy.process.collector import collect_seldom
from shield_proxy.process.descriptors import fitting_connections, raise_file_limit
from shield_proxy.process.health import Situation, health_application, why_not_ready
from shield_proxy.process.internal import InternalPort
from shield_proxy.process.latency import LatencyMeter, connect_once, threaded_resolution
from shield_proxy.process.life import Life
from shield_proxy.process.metrics import most_files, process_families
from shield_proxy.process.originfigures import origin_families
from shield_proxy.process.otlp import SpanOutlet, span_outlet
from shield_proxy.process.peers import confirm_with_peers, fetch_record, resolve_host
from shield_proxy.process.samples import backends_to_measure
from shield_proxy.process.settings import ProxySettings, read_password
from shield_proxy.process.sites import StartFailure, reason_of, serve_site
from shield_proxy.process.state import StateHolder, chunk_paths
from shield_proxy.process.watch import Renewal, Signature, signature, take_mounted, watch
from shield_proxy.tiers.dataplane import Dataplane
from shield_proxy.tiers.settings import DataplaneSettings
from shield_proxy.tiers.telemetry.families import Family
from shield_proxy.wire.logoutlet import LogOutlet
from shield_proxy.wire.serving.limits import ServerLimits
from shield_proxy.wire.tls.hops import CHAIN, KEY, TRUST, HopTls, load_hop_tls

log = logging.getLogger("shield.process")

STATE_POLL_SECONDS = 2.0
TLS_POLL_SECONDS = 5.0
RESTART_SECONDS = 5.0
LOG_SECONDS = 1.0
"""What is left of the access log at the end gets so long."""
STDOUT = 1

Work = Callable[[], Coroutine[Any, Any, None]]


@dataclass(slots=True)
class _Process:
    """The parts of a running process and how far it has come."""

    settings: ProxySettings
    tls: HopTls | None
    tls_files: Signature
    """From before they were read."""
    dataplane: Dataplane
    follower: CertificateFollower
    holder: StateHolder
    meter: LatencyMeter
    outlet: LogOutlet | None
    spans: SpanOutlet | None
    started: float
    listening: bool = False
    draining: bool = False

    def situation(self) -> Situation:
        held = self.holder.envelope
        return Situation(
            self.listening, held.generation if held else None, self.holder.trusted(time.monotonic()), self.draining
        )

    def ready(self) -> bool:
        return why_not_ready(self.situation()) is None

    def families(self) -> Iterable[Family]:
        held = self.holder.envelope
        yield from process_families(
            str(self.settings.tier),
            held.generation if held else 0,
            self.holder.confirmed,
            self.draining,
            self.started,
        )
        counters = self.dataplane.counters
        counters.limits["file_descriptors"] = most_files()
        counters.gauges["shield_tasks"] = len(asyncio.all_tasks())  # of thousands it takes milliseconds
        if self.outlet is not None:
            counters.values["shield_access_log_lost_total"] = self.outlet.lost
        if self.spans is not None:
            counters.values["shield_spans_dropped_total"] = self.spans.dropped
        yield from counters.snapshot()
        yield from certificate_families(self.dataplane.certificates)
        yield from origin_families(self.holder.state)


async def run_proxy(settings: ProxySettings) -> int:
    """Serves until SIGTERM or SIGINT and its drain; 0 when every request got its answer, 1 when some were cut off.
    StartFailure when a port or certificate can't be used."""
    process = _assemble(settings)
    stop = asyncio.Event()
    _on_signals(process, stop)
    async with AsyncExitStack() as owned:
        if process.outlet is not None:
            owned.callback(process.outlet.close, LOG_SECONDS)
        if process.spans is not None:
            owned.callback(process.spans.close, LOG_SECONDS)
        owned.push_async_callback(process.dataplane.close)
        await _open_ports(process, owned)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_kept_going(work)) for work in _background(process)]
            fleet = f"{settings.namespace}/{settings.fleet}"
            log.info("%s: %s tier of fleet %s listens", settings.pod, settings.tier, fleet)
            await stop.wait()
            finished = await _drain(process)
            for task in tasks:
                task.cancel()
    return 0 if finished else 1


def _assemble(settings: ProxySettings) -> _Process:
    tls_files = signature(_tls_files(settings.tls_dir)) if settings.tls_dir is not None else ()
    tls = _certificates(settings.tls_dir)
    outlet = LogOutlet(STDOUT) if settings.access_log else None
    has_clients = bool(settings.client or settings.client_tls)
    of_clients, of_pods = fitting_connections(ServerLimits().connections, raise_file_limit(), clients=has_clients)
    dataplane = Dataplane(
        DataplaneSettings(
            tier=settings.tier,
            namespace=settings.namespace,
            fleet=settings.fleet,
            data_center=settings.data_center,
            address=settings.address,
            client_listen=settings.client,
            client_tls_listen=settings.client_tls,
            certificates_dir=settings.certificates_dir,
            origin_tls_dir=settings.origin_tls_dir,
            certificate_files=settings.certificate_files,
            proxy_protocol=settings.proxy_protocol,
            trusted_proxies=settings.trusted_proxies,
            hop_listen=settings.hop,
            memory_bytes=settings.memory_bytes,
            max_object_bytes=settings.max_object_bytes,
            redis=settings.redis,
            tunnels=settings.tunnels,
            access_log=settings.access_log,
            access_log_format=settings.access_log_format,
            access_log_share=settings.access_log_sample,
            hop_connections=of_pods,
            server=ServerLimits(connections=of_clients, requests=settings.connection_requests),
        ),
        tls,
        write_log=outlet.offer if outlet is not None else len,
    )
    spans = span_outlet(settings)
    if spans is not None:
        dataplane.trace(settings.otlp_sample, spans.take)
    ready_at = time.monotonic() + settings.confirm_seconds
    follower = CertificateFollower(dataplane.certificates, shown_where(settings), dataplane.use)
    holder = StateHolder(settings.namespace, settings.fleet, follower.use, ready_at)
    if settings.state is not None:
        holder.use_inline(settings.state)
    if settings.state_dir is not None:
        take_mounted(holder, settings.state_dir)
    follower.look()  # before the first client can ask for one
    if not settings.internal and settings.state is not None:
        holder.confirm("the settings")  # without an internal port nobody else ever could
    owns: Callable[[bytes], bool] = dataplane.ring_owner if settings.tier is Tier.LOWER else (lambda _key: False)
    connect = partial(connect_once, threaded_resolution())
    meter = LatencyMeter(lambda: backends_to_measure(holder.state, owns), connect, time.monotonic, random.random)
    return _Process(settings, tls, tls_files, dataplane, follower, holder, meter, outlet, spans, time.time())


def _tls_files(directory: Path) -> list[Path]:
    return [directory / name for name in (CHAIN, KEY, TRUST)]


def _certificates(directory: Path | None) -> HopTls | None:
    try:
        return load_hop_tls(directory) if directory is not None else None
    except ValueError as error:
        raise StartFailure(f"{error}. It is mounted from the Secret that the operator makes for this tier.") from error


async def _open_ports(process: _Process, owned: AsyncExitStack) -> None:
    settings, tls = process.settings, process.tls
    life = Life(process.dataplane, time.monotonic)
    owned.callback(life.stop)
    health = health_application(process.situation, life.why_not_alive, process.families)
    await serve_site("health", health, settings.health, None, owned)
    try:
        await process.dataplane.start()
    except OSError as error:
        shown = ", ".join(f"{host}:{port}" for host, port in (*settings.client, *settings.client_tls, *settings.hop))
        raise StartFailure(f"client or hop port ({shown}): {reason_of(error)}") from error
    process.listening = True
    life.start()
    if tls is not None:
        port = InternalPort(
            settings.namespace,
            settings.fleet,
            process.holder,
            process.ready,
            lambda: process.draining,
            process.meter.report,
            process.follower.problems,
        )
        await serve_site("internal", port.application(), settings.internal, tls.server, owned)


async def _kept_going(work: Work) -> None:
    """Traffic does not end because a measurement or a watch has: it is begun again."""
    while True:
        try:
            return await work()
        except Exception:
            log.exception("begun again in %g s", RESTART_SECONDS)
            await asyncio.sleep(RESTART_SECONDS)


def _background(process: _Process) -> Iterable[Work]:
    """What runs beside the data plane until the process ends."""
    settings, holder, tls = process.settings, process.holder, process.tls
    yield process.meter.run
    yield collect_seldom
    yield process.follower.run
    if (directory := settings.state_dir) is not None:
        yield partial(watch, chunk_paths(directory), lambda: take_mounted(holder, directory), STATE_POLL_SECONDS)
    if tls is not None and (kept := settings.tls_dir) is not None:
        yield partial(watch, _tls_files(kept), Renewal(tls).renew, TLS_POLL_SECONDS, process.tls_files)
    if (secret := settings.redis_password_file) is not None:
        changed = partial(_take_password, process.dataplane, secret)
        yield partial(watch, [secret], changed, STATE_POLL_SECONDS, signature([secret]))
    if tls is not None and settings.internal:
        fleet, port = (settings.namespace, settings.fleet), settings.internal[0][1]
        yield partial(
            confirm_with_peers,
            holder,
            lambda address: fetch_record(address, port, tls, fleet),
            settings.data_center,
            settings.address,
            resolve_host,
        )


def _take_password(dataplane: Dataplane, path: Path) -> bool:
    try:
        dataplane.use_redis_password(read_password(path))
    except (OSError, UnicodeDecodeError) as error:
        log.error("the password of Redis stays the former one: %s", error)
        return not isinstance(error, OSError)
    log.info("the password of Redis was read again")
    return True


def _on_signals(process: _Process, stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()

    def end() -> None:
        if stop.is_set():
            log.warning("asked to end a second time: requests are cut off")
            os._exit(1)
        stop.set()

    def refresh() -> None:
        if process.tls is not None:
            Renewal(process.tls).renew()
        process.follower.hurry()
        if process.settings.state_dir is not None:
            take_mounted(process.holder, process.settings.state_dir)
        if process.settings.redis_password_file is not None and process.settings.redis_password_file.exists():
            _take_password(process.dataplane, process.settings.redis_password_file)

    loop.add_signal_handler(signal.SIGTERM, end)
    loop.add_signal_handler(signal.SIGINT, end)
    loop.add_signal_handler(signal.SIGHUP, refresh)


async def _drain(process: _Process) -> bool:
    """Not ready at once; new connections are taken while endpoints are withdrawn; then running requests end."""
    process.draining = True
    log.info("draining")
    process.dataplane.begin_drain()
    await asyncio.sleep(process.settings.drain_delay_seconds)
    finished = await process.dataplane.drained(process.settings.drain_seconds)
    log.info("drained" if finished else "drain deadline passed: requests are cut off")
    return finished
