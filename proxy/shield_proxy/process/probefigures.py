"""A run's figures as families of metrics."""

import time
from collections.abc import Callable, Iterable

from shield_proxy.config.version import VERSION
from shield_proxy.health.running.figures import Figures, Missed
from shield_proxy.health.running.run import Duty
from shield_proxy.process.backlog import Backlog, Fate
from shield_proxy.process.metrics import resident_bytes
from shield_proxy.tiers.telemetry.families import Family, Sample, labelled

STAGES = ("dns", "tcp", "tls", "first_byte", "total")


def probe_families(
    figures: Figures,
    duty: Duty,
    verdicts: Callable[[], Iterable[tuple[str, float]]],
    backlog: Backlog | None = None,
) -> list[Family]:
    """All of a run. `verdicts`: names of checks, 1 for a healthy one, 0 for another; `backlog`: of samples that are
    sent to somebody."""
    place = {"namespace": duty.namespace, "region": duty.place.region, "zone": duty.place.zone}
    build = labelled(version=VERSION, shard=str(duty.shard), **place)
    return [
        ("shield_prober_info", "gauge", "The run; always 1.", [(build, 1)]),
        (
            "shield_check_healthy",
            "gauge",
            "The data centre's verdict: 1 healthy, 0 not; unknown ones are left out.",
            [(labelled(check=name, **place), value) for name, value in verdicts()],
        ),
        (
            "shield_probes_total",
            "counter",
            "Probes by their result: healthy, or why not.",
            [(labelled(check=name, result=result, **place), n) for (name, result), n in figures.probes.items()],
        ),
        ("shield_probe_seconds", "gauge", "Stages of each check's last probe.", list(_stages(figures, place))),
        (
            "shield_probe_slots_missed_total",
            "counter",
            "Instants at which a probe should have begun and none did.",
            [(labelled(reason=reason, **place), figures.missed[reason]) for reason in Missed],
        ),
        (
            "shield_probe_lateness_seconds_max",
            "gauge",
            "The most that a probe began after its instant.",
            [("", figures.lateness)],
        ),
        (
            "shield_probe_reports_total",
            "counter",
            "Writes of entries of status.probes by their outcome.",
            [(labelled(outcome=outcome), n) for outcome, n in figures.reports.items()],
        ),
        (
            "shield_prober_lease_writes_total",
            "counter",
            "Writes of the run's Lease by what they were for, and those that failed.",
            [(labelled(step=step), n) for step, n in figures.lease.items()],
        ),
        *(_feed(backlog) if backlog is not None else ()),
        ("shield_prober_faults_total", "counter", "Probes that a fault of the prober ended.", [("", figures.faults)]),
        ("shield_process_resident_memory_bytes", "gauge", "Resident memory.", [("", resident_bytes())]),
        ("shield_process_cpu_seconds_total", "counter", "User and system time.", [("", time.process_time())]),
    ]


def _feed(backlog: Backlog) -> list[Family]:
    return [
        (
            "shield_samples_total",
            "counter",
            "Samples by what became of them: delivered, or how they were lost.",
            [(labelled(fate=fate), backlog.fates[fate]) for fate in Fate],
        ),
        ("shield_samples_waiting", "gauge", "Samples that wait for being sent.", [("", len(backlog))]),
        (
            "shield_sample_posts_total",
            "counter",
            "Requests with samples by their outcome: ok, error, or a status.",
            [(labelled(outcome=outcome), n) for outcome, n in backlog.posts.items()],
        ),
    ]


def _stages(figures: Figures, place: dict[str, str]) -> Iterable[Sample]:
    for name, sample in figures.last.items():
        for stage in STAGES:
            seconds = getattr(sample.waterfall, stage)
            if seconds is not None:
                yield labelled(check=name, stage=stage, **place), seconds
