"""Many health checks on a local cluster, measured: `python -m scale --checks 500`. Leaves the cluster running.

Prints how long it takes until all are Healthy, what runs and operator cost, and what is written to the API server.
"""

import argparse
import json
import os
import re
import statistics
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from localcluster import Cluster
from localcluster.cli import EXPECTED
from product import objects
from product.install import SMALL, Installed, build_image, image_values, on, timed
from product.operators import OPERATOR
from product.polling import NeverTrue, poll

SPACE = "scale"
ORIGINS = ("origin-eu", "origin-us")
WRITES = ("APPLY", "PATCH", "POST", "PUT", "DELETE")
HEALTH_PORT = 8081
IDLE_SECONDS = 20
"""Before and after the checks are made: for what is written without them, and for all to settle."""
TICKS = os.sysconf("SC_CLK_TCK")
_SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="([^"]*)"')


def say(line: str) -> None:
    """One line, at once."""
    print(line, flush=True)


@dataclass(frozen=True, slots=True)
class Process:
    """What a process has cost."""

    cpu: float
    """Seconds."""
    resident: int
    """Bytes."""
    proportional: int
    """Bytes, where what is shared with others counts in part."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Everything that is counted, at one time."""

    at: float
    runs: dict[int, Process]
    """Probers by pid, as this machine numbers them."""
    operator: Process | None
    written: Counter[str]
    """Writes of the API server so far, by verb and resource."""
    reconciles: float
    reconciling: float
    """Seconds."""


def processes(words: Sequence[str], pod: str = "") -> dict[int, Process]:
    """Those whose command line holds these words next to each other, of that pod if one is named."""
    wanted, named, found = "\0".join(words).encode(), f"POD_NAME={pod}".encode(), {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if wanted not in (entry / "cmdline").read_bytes() or named not in (entry / "environ").read_bytes():
                continue
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            memory = dict(re.findall(r"^(\w+): +(\d+) kB", (entry / "smaps_rollup").read_text(), re.MULTILINE))
        except OSError:
            continue  # it ended while we looked
        cpu = (int(fields[11]) + int(fields[12])) / TICKS
        found[int(entry.name)] = Process(cpu, int(memory["Rss"]) << 10, int(memory["Pss"]) << 10)
    return found


def written(product: Installed) -> Counter[str]:
    """Writes that the API server has taken, by verb and resource."""
    out: Counter[str] = Counter()
    for name, labels, value in _SAMPLE.findall(product.tools.kubectl("get", "--raw", "/metrics")):
        if name == "apiserver_request_total":
            told = dict(_LABEL.findall(labels))
            if told["verb"] in WRITES and told["code"].startswith("2"):
                what = "/".join(filter(None, (told["resource"], told["subresource"])))
                out[f"{told['verb']} {what}"] += int(float(value))
    return out


def moment(product: Installed) -> Moment:
    """What is counted now."""
    (pod,) = product.tools.list("pods", product.namespace, OPERATOR)
    url = f"http://{pod['status']['podIP']}:{HEALTH_PORT}/metrics"
    text = product.cluster.exec(pod["spec"]["nodeName"], ["curl", "-sS", "--max-time", "10", url]).stdout
    own = {name: float(value) for name, _, value in _SAMPLE.findall(text)}
    operator = next(iter(processes(["run"], pod["metadata"]["name"]).values()), None)
    runs = processes(["probe", "--namespace", SPACE])
    seconds = own["shield_operator_reconcile_seconds_sum"]
    count = own["shield_operator_reconcile_seconds_count"]
    return Moment(time.monotonic(), runs, operator, written(product), count, seconds)


def apply(product: Installed, checks: int, interval: int) -> None:
    """The checks are there, half of them of each origin."""
    product.tools.apply(objects.namespace(SPACE))
    listed = [
        {
            "apiVersion": objects.API,
            "kind": "HealthCheck",
            "metadata": {"name": f"check-{number:04}", "namespace": SPACE},
            "spec": {
                "address": f"{ORIGINS[number % 2]}.example.com",
                "checkRegions": ["ALL_REGIONS"],
                "interval": interval,
                "httpConfig": {"path": f"/cache/{number}"},
            },
        }
        for number in range(checks)
    ]
    product.tools.kubectl(
        "create", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": listed}), seconds=300
    )


def verdicts(product: Installed) -> Counter[str]:
    """How many checks have which status."""
    path = "jsonpath={range .items[*]}{.status.status} {.status.healthy}{'\\n'}{end}"
    return Counter(product.tools.kubectl("get", "sshc", "-n", SPACE, "-o", path).splitlines())


def rates(before: Moment, after: Moment) -> dict[str, float]:
    """Writes a minute between two moments, by verb and resource."""
    minutes = (after.at - before.at) / 60
    return {what: count / minutes for what, count in (after.written - before.written).most_common()}


def table(before: Moment, after: Moment, idle: Mapping[str, float]) -> None:
    """Says what happened between two moments. `idle`: writes a minute without checks."""
    seconds = after.at - before.at
    runs = [(each, before.runs[pid]) for pid, each in after.runs.items() if pid in before.runs]
    cpu = sorted((now.cpu - was.cpu) / seconds * 1000 for now, was in runs)
    if cpu:
        resident = sorted(now.resident / 1e6 for now, _ in runs)
        shared = statistics.mean(now.proportional / 1e6 for now, _ in runs)
        say(f"  {len(runs)} runs: CPU {statistics.mean(cpu):.1f} m on average, {cpu[-1]:.1f} m at most;")
        most = f"{statistics.median(resident):.1f} MB (p50), {resident[-1]:.1f} MB (max)"
        say(f"    resident {most}, {shared:.1f} MB on average where what is shared counts in part")
    if before.operator is not None and after.operator is not None:
        used = (after.operator.cpu - before.operator.cpu) / seconds * 1000
        say(f"  operator: CPU {used:.0f} m, resident {after.operator.resident / 1e6:.0f} MB")
    count = after.reconciles - before.reconciles
    if count:
        spent = (after.reconciling - before.reconciling) / count * 1000
        say(f"  {count:.0f} reconciles of {spent:.0f} ms on average")
    for what, rate in list(rates(before, after).items())[:12]:
        say(f"  {rate:7.0f} writes a minute ({idle.get(what, 0):.0f} without checks): {what}")


def missed(product: Installed) -> int:
    """Slots that nobody probed."""
    path = r"jsonpath={range .items[*]}{.metadata.annotations.smartshield\.io/missed}{'\n'}{end}"
    return sum(int(line or 0) for line in product.tools.kubectl("get", "leases", "-n", SPACE, "-o", path).splitlines())


def main() -> int:
    """1 with a reason when it can't measure."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--checks", type=int, default=500)
    options.add_argument("--interval", type=int, default=60, help="seconds between probes of a data centre")
    options.add_argument("--window", type=int, default=60, help="seconds that are measured once all are Healthy")
    options.add_argument("--name", default="scale", help="of the cluster")
    given = options.parse_args()
    cluster = Cluster(given.name, policies=True)
    cluster.up(say)
    cluster.load(build_image(say=say))
    product = on(cluster)
    product.upgrade({**SMALL, **image_values()})
    product.tools.kubectl("delete", "namespace", SPACE, "--ignore-not-found", seconds=300)
    empty = moment(product)
    time.sleep(IDLE_SECONDS)
    before, began = moment(product), time.monotonic()
    idle = rates(empty, before)
    timed(say, f"{given.checks} checks applied", lambda: apply(product, given.checks, given.interval))
    everywhere = Counter({"Healthy 2/2": given.checks})
    poll("all are Healthy", lambda: verdicts(product)["Healthy 2/2"] == given.checks, 600, 2)
    say(f"all are Healthy in both regions {time.monotonic() - began:.0f} s after the first was applied")
    table(before, moment(product), idle)
    time.sleep(IDLE_SECONDS)
    before = moment(product)
    time.sleep(given.window)
    after = moment(product)
    say(f"then, for {after.at - before.at:.0f} s:")
    table(before, after, idle)
    say(f"  {missed(product)} slots missed; {dict(verdicts(product))}")
    return 0 if verdicts(product) == everywhere else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (*EXPECTED, NeverTrue) as problem:
        sys.exit(f"scale: {problem}")
