"""Which fleet state is in use: what is mounted, pushed or fetched is judged, and never goes back to an older one."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from shield_proxy.config.contract import Tier
from shield_proxy.config.record import (
    CHUNKS,
    Envelope,
    InvalidRecord,
    join_chunks,
    read_envelope,
    read_record,
    write_record,
)
from shield_proxy.config.reports import Acknowledgement
from shield_proxy.config.state import FleetState
from shield_proxy.config.version import READS, SCHEMA, VERSION

log = logging.getLogger("shield.state")


@dataclass(frozen=True, slots=True)
class Accept:
    """Newer than what is held."""

    record: bytes
    envelope: Envelope
    state: FleetState


@dataclass(frozen=True, slots=True)
class Same:
    """Of the generation that is held."""


@dataclass(frozen=True, slots=True)
class Different:
    """Of the generation that is held, but not the same bytes: one of the two is not the operator's."""

    reason: str


@dataclass(frozen=True, slots=True)
class Older:
    """Of a former leader or generation."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Damaged, of a schema that is not read here, or of another fleet."""

    reason: str


Verdict = Accept | Same | Different | Older | Unreadable


def judge(current: Envelope | None, offered: bytes, namespace: str, fleet: str, *, decisive: bool = False) -> Verdict:
    """What becomes of an offered record when `current` is held by a pod of the fleet. A `decisive` offer, the
    operator's own, takes the place of one of the same order with other bytes."""
    try:
        envelope = read_envelope(offered)
        if current is not None and envelope.order == current.order:
            if envelope.digest == current.digest:
                return Same()
            if not decisive:
                return Different(f"{_order(envelope)} with other bytes than the one in use")
        if current is not None and envelope.order < current.order:
            return Older(f"{_order(envelope)} is older than {_order(current)}")
        if envelope.schema not in READS:
            return Unreadable(f"schema {envelope.schema} is not one of {READS}, which version {VERSION} reads")
        state = read_record(offered)
    except InvalidRecord as error:
        return Unreadable(str(error))
    if (state.lease, state.generation) != envelope.order:
        return Unreadable("envelope and document name different generations")
    if (state.namespace, state.fleet) != (namespace, fleet):
        return Unreadable(f"is of fleet {state.namespace}/{state.fleet}, not {namespace}/{fleet}")
    return Accept(offered, envelope, state)


class StateHolder:
    """The record in use, and who has vouched for it. `use` is called with every newly accepted state."""

    def __init__(self, namespace: str, fleet: str, use: Callable[[FleetState], None], ready_at: float) -> None:
        """`ready_at`: when a pod nobody has confirmed counts as ready, on the clock of `trusted`."""
        self._namespace = namespace
        self._fleet = fleet
        self._use = use
        self._ready_at = ready_at
        self.record: bytes | None = None
        self.state: FleetState | None = None
        self.envelope: Envelope | None = None
        self.confirmed = False
        self.refused: str | None = None
        """Why the latest offer was not readable; None again once one was."""

    def offer(self, record: bytes, source: str, confirms: bool) -> Verdict:
        """Judges a record and uses it if it is newer. With `confirms`, one that is readable and not older also
        vouches for what is held, and wins over other bytes of the same generation; what a pod held before stays in
        use otherwise."""
        verdict = judge(self.envelope, record, self._namespace, self._fleet, decisive=confirms)
        match verdict:
            case Accept(bytes_, envelope, state):
                self._use(state)
                self.record, self.envelope, self.state, self.refused = bytes_, envelope, state, None
                log.info("state in use: %s from %s", _order(envelope), source)
            case Same():
                self.refused = None
            case Different(reason):
                log.warning("state from %s not used, the operator's next push decides: %s", source, reason)
            case Older(reason):
                log.info("state from %s not used: %s", source, reason)
            case Unreadable(reason):
                if reason != self.refused:
                    log.error("state from %s refused, the former one stays in use: %s", source, reason)
                self.refused = reason
        if confirms and isinstance(verdict, Accept | Same):
            self.confirm(source)
        return verdict

    def use_inline(self, state: FleetState) -> None:
        """A state that came with the settings is held like a mounted one."""
        self.offer(write_record(state, SCHEMA), "the settings", confirms=False)

    def confirm(self, source: str) -> None:
        """What is held is no older than what `source` knows."""
        if not self.confirmed:
            log.info("state confirmed by %s", source)
        self.confirmed = True

    def trusted(self, now: float) -> bool:
        """Whether requests may be taken: a state is in use, and confirmed or nobody came to confirm it in time."""
        return self.state is not None and (self.confirmed or now >= self._ready_at)

    def acknowledgement(self, draining: bool) -> Acknowledgement:
        """What the operator is told."""
        held = self.envelope
        return Acknowledgement(
            schema=SCHEMA,
            generation=held.generation if held else 0,
            lease=held.lease if held else 0,
            version=VERSION,
            confirmed=self.confirmed,
            draining=draining,
            digest=held.digest if held else "",
        )


def _order(envelope: Envelope) -> str:
    return f"generation {envelope.generation} of lease {envelope.lease}"


def read_mounted(directory: Path) -> bytes | None:
    """The record mounted as chunks, read through the kubelet's `..data` link so that chunks of one version are read;
    None while there is none or it is not whole."""
    here = directory / "..data"
    here = here.resolve() if here.exists() else directory
    chunks: list[bytes] = []
    for path in chunk_paths(here):
        try:
            chunks.append(path.read_bytes())
        except OSError:
            continue  # every chunk is optional, and a swap may take the directory away between two of them
    return join_chunks(chunks)


def chunk_paths(directory: Path) -> list[Path]:
    """Where the chunks of a record are mounted."""
    return [directory / f"chunk-{i}" for i in range(CHUNKS)]


def peer_names(state: FleetState, data_center: str) -> list[str]:
    """Services whose pods hold the same record, nearest first: of this data centre, then of the others."""
    near_first = sorted(state.data_centers, key=lambda dc: dc.key != data_center)
    return [
        name.strip()
        for dc in near_first
        for tier in Tier
        if tier in dc.services
        for name in dc.services[tier].split(",")
    ]
