"""What Kubernetes and the pods make of the objects of a cluster that is made of values (`Cluster` of the conftest)."""

from collections.abc import Iterator
from typing import Any

from shield_operator.core import naming
from shield_operator.core.world import Pod, Report, Workload
from shield_proxy.config.contract import Tier
from shield_proxy.config.reports import Acknowledgement, Measurement
from shield_proxy.config.version import SCHEMA


def run_pods(cluster: Any) -> dict[str, tuple[Pod, int]]:
    """The pods that its Deployments have now, by name, and the generation that each holds."""
    wanted = {}
    for (kind, name), obj in cluster.objects.items():
        tier = obj["metadata"].get("labels", {}).get(naming.LABEL_TIER)
        if kind != "Deployment" or tier == naming.REDIS:
            continue
        annotations = obj["metadata"]["annotations"]
        key, digest = annotations[naming.ANNOTATION_DATA_CENTER], annotations[naming.ANNOTATION_TEMPLATE_HASH]
        alive = any(node.ready for node in cluster.nodes.values() if node.data_center == key)
        if (tier, key) in cluster.stuck:
            wanted |= {
                pod_name: (pod, held)
                for pod_name, (pod, held) in cluster.pods.items()
                if pod.tier == tier and pod.data_center == key and pod.template_hash != digest
            }
        for i in range(obj["spec"]["replicas"]):
            pod_name = f"{name}-{digest[:4]}-{i}"
            held = cluster.pods[pod_name][1] if pod_name in cluster.pods else 0
            ready = alive and (
                (tier, key) not in cluster.stuck or (pod_name in cluster.pods and cluster.pods[pod_name][0].ready)
            )
            pod = Pod(pod_name, Tier(tier), key, "10.0.0.2", ready, digest)
            if cluster.record is not None and ready and tier not in cluster.deaf:
                held = cluster.record.generation
            wanted[pod_name] = (pod, held)
    return wanted


def workloads(cluster: Any) -> Iterator[Workload]:
    """Its Deployments as they are told of."""
    for (kind, name), obj in cluster.objects.items():
        if kind != "Deployment":
            continue
        tier, notes = obj["metadata"]["labels"][naming.LABEL_TIER], obj["metadata"]["annotations"]
        key, digest = notes[naming.ANNOTATION_DATA_CENTER], notes[naming.ANNOTATION_TEMPLATE_HASH]
        replicas = obj["spec"]["replicas"]
        if tier == naming.REDIS:
            yield Workload(name, tier, key, digest, replicas, replicas, replicas, True)
            continue
        mine = [pod for pod, _ in cluster.pods.values() if pod.tier == tier and pod.data_center == key]
        updated = sum(pod.template_hash == digest for pod in mine)
        yield Workload(name, tier, key, digest, replicas, updated, sum(pod.ready for pod in mine), True)


def report(cluster: Any, pod: Pod, held: int) -> Report:
    """What a pod that holds this generation says."""
    measurements = ()
    known = cluster.record.state if cluster.record is not None else None
    if pod.tier is Tier.LOWER and pod.data_center in cluster.milliseconds and known is not None:
        value = cluster.milliseconds[pod.data_center]
        seconds, samples, error = (None, 0, "timeout") if value is None else (value / 1000, 5, None)
        measurements = tuple(
            Measurement(zone.uid, origin.name, seconds, samples, 1.0, error)
            for zone in known.zones
            for origin in zone.origins
        )
    schema = cluster.schemas.get(pod.name, SCHEMA)
    problems = cluster.problems.get((str(pod.tier), pod.data_center), ())
    said = Acknowledgement(schema, held, cluster.lease, "1", confirmed=True, problems=problems)
    return Report(said, measurements)
