"""The objects that run a namespace's checks: a CronJob and a Lease for each shard of a data centre, an account with its
rights for each data centre, one NetworkPolicy. A CronJob's template holds nothing of checks, which come and go."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from shield_operator.core import naming
from shield_operator.core.health.feed import with_feed
from shield_operator.core.health.probers import Prober, Roster
from shield_operator.core.health.world import CheckObject, ChecksWorld
from shield_operator.core.objects.common import Object, container_security, pod_basics
from shield_operator.core.objects.proxies import UID
from shield_proxy.config.checks.contract import (
    GRACE_SECONDS,
    INTERNAL_NETWORKS,
    OWN_SERVICES,
    RUN_OVERLAP_SECONDS,
)
from shield_proxy.config.contract import HEALTH_PORT

CPU, MEMORY, MOST_MEMORY = "10m", "48Mi", "128Mi"
RETRIES = 2
"""Pods of a Job beside the first, where one fails."""
LATE_SECONDS = 120
"""A run that could not begin within this of its turn waits for the next turn."""
REPORT = "report"
"""Verb on the imaginary resource healthchecks/probes, by a data centre's name: whose entries one may write. No request
has it; the chart's admission policy asks whether it would be allowed."""
RBAC = "rbac.authorization.k8s.io"


def desired(roster: Roster, world: ChecksWorld) -> tuple[Object, ...]:
    """Everything, in the order it is applied."""
    if not roster.probers:
        return ()
    out = [_policy(roster, world)] if world.installation.network_policies else []
    for data_center in roster.data_centers:
        out += [_account(data_center, roster, world), _role(data_center, roster, world)]
        out.append(_binding(data_center, roster, world))
    out += [_cron_job(prober, checks, roster, world) for prober, checks in roster.probers.items()]
    out += [_lease(prober, world) for prober in roster.probers]
    return tuple(sorted(out, key=lambda each: ORDER.index(each["kind"])))


ORDER = ("NetworkPolicy", "ServiceAccount", "Role", "RoleBinding", "CronJob", "Lease")


def job(cron_job: Mapping[str, Any], now: float) -> Object:
    """A run that begins now, as one of the CronJob's own; its name is the same for a minute: it is made once."""
    metadata, template = cron_job["metadata"], cron_job["spec"]["jobTemplate"]
    owner = {"apiVersion": "batch/v1", "kind": "CronJob", "name": metadata["name"], "uid": metadata["uid"]}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": f"{metadata['name']}-s{int(now // 60):x}",
            "namespace": metadata["namespace"],
            "labels": dict(template["metadata"]["labels"]),
            "annotations": {"cronjob.kubernetes.io/instantiate": "manual"},
            "ownerReferences": [{**owner, "controller": True, "blockOwnerDeletion": False}],
        },
        "spec": template["spec"],
    }


def _cron_job(prober: Prober, checks: Sequence[CheckObject], roster: Roster, world: ChecksWorld) -> Object:
    labels = naming.prober_labels(prober.data_center, prober.shard)
    minutes = world.installation.run_minutes
    owners = [dict(naming.owner(naming.CHECK_KIND, check.name, check.uid)) for check in checks]
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": _metadata(world, prober.name, labels, owners, _annotations(prober)),
        "spec": {
            "schedule": f"{_offset(prober.name, world.key.namespace, minutes)}/{minutes} * * * *",
            "concurrencyPolicy": "Allow",
            "startingDeadlineSeconds": LATE_SECONDS,
            "successfulJobsHistoryLimit": 1,
            "failedJobsHistoryLimit": 1,
            "jobTemplate": {
                "metadata": {"labels": labels},
                "spec": {
                    "backoffLimit": RETRIES,
                    "activeDeadlineSeconds": 60 * minutes + RUN_OVERLAP_SECONDS,
                    "template": {"metadata": {"labels": labels}, "spec": _pod(prober, roster, world)},
                },
            },
        },
    }


def _offset(name: str, namespace: str, minutes: int) -> str:
    """When its turns begin: spread over the minutes of a run, so that not all runs of a cluster start at once."""
    digest = hashlib.sha256(f"{namespace}/{name}".encode()).digest()
    return f"{int.from_bytes(digest[:4]) % minutes}-59"


def _pod(prober: Prober, roster: Roster, world: ChecksWorld) -> Object:
    place, installation = roster.places[prober.data_center], world.installation
    command = ["shield-proxy", "probe", "--namespace", world.key.namespace, "--data-center", prober.data_center]
    environment: list[Object] = [
        {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "SHIELD_LOG_LEVEL", "value": installation.log_level},
    ]
    refused = {INTERNAL_NETWORKS: installation.internal_networks, OWN_SERVICES: roster.services.told}
    environment += [{"name": name, "value": ",".join(members)} for name, members in refused.items() if members]
    pod = {
        **pod_basics(installation, place.region, place.zone, UID, naming.prober_account(prober.data_center)),
        "automountServiceAccountToken": True,
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": GRACE_SECONDS,
        "containers": [
            {
                "name": "prober",
                "image": installation.image,
                "imagePullPolicy": installation.image_pull_policy,
                "args": [*command, "--shard", str(prober.shard), "--lease", prober.name],
                "env": environment,
                "ports": [{"name": "health", "containerPort": HEALTH_PORT, "protocol": "TCP"}],
                "resources": {"requests": {"cpu": CPU, "memory": MEMORY}, "limits": {"memory": MOST_MEMORY}},
                "securityContext": container_security(),
                "terminationMessagePolicy": "FallbackToLogsOnError",
            }
        ],
    }
    return with_feed(pod, installation.sample_feed)


def _lease(prober: Prober, world: ChecksWorld) -> Object:
    """Made here, so that probers need no right to make any; what is in it is theirs."""
    labels = naming.prober_labels(prober.data_center, prober.shard)
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": _metadata(world, prober.name, labels, _owners([prober], world), _annotations(prober)),
    }


def _account(data_center: str, roster: Roster, world: ChecksWorld) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": _of_data_center(data_center, roster, world),
        "automountServiceAccountToken": False,
    }


def _role(data_center: str, roster: Roster, world: ChecksWorld) -> Object:
    """Checks are read, of their status the own entry is written, the own Leases are renewed."""
    group = naming.GROUP
    leases = [prober.name for prober in roster.probers if prober.data_center == data_center]
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": "Role",
        "metadata": _of_data_center(data_center, roster, world),
        "rules": [
            {"apiGroups": [group], "resources": ["healthchecks"], "verbs": ["list", "watch"]},
            {"apiGroups": [group], "resources": ["healthchecks/status"], "verbs": ["patch"]},
            {
                "apiGroups": [group],
                "resources": ["healthchecks/probes"],
                "resourceNames": [data_center],
                "verbs": [REPORT],
            },
            {
                "apiGroups": ["coordination.k8s.io"],
                "resources": ["leases"],
                "resourceNames": leases,
                "verbs": ["get", "list", "watch", "patch"],
            },
        ],
    }


def _binding(data_center: str, roster: Roster, world: ChecksWorld) -> Object:
    name = naming.prober_account(data_center)
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": _of_data_center(data_center, roster, world),
        "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": world.key.namespace}],
    }


def _policy(roster: Roster, world: ChecksWorld) -> Object:
    """Of a prober only the figures can be asked for. Where it connects to is up to the checks."""
    metadata = _metadata(world, naming.prober_policy(), naming.prober_labels(), _owners(roster.probers, world))
    selector = {naming.LABEL_COMPONENT: naming.PROBER, naming.LABEL_MANAGED_BY: naming.MANAGED_BY}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata,
        "spec": {
            "podSelector": {"matchLabels": selector},
            "policyTypes": ["Ingress"],
            "ingress": [{"ports": [{"port": HEALTH_PORT, "protocol": "TCP"}]}],
        },
    }


def _of_data_center(data_center: str, roster: Roster, world: ChecksWorld) -> Object:
    mine = [prober for prober in roster.probers if prober.data_center == data_center]
    name = naming.prober_account(data_center)
    return _metadata(world, name, naming.prober_labels(data_center), _owners(mine, world))


def _owners(probers: Iterable[Prober], world: ChecksWorld) -> list[Object]:
    """The CronJobs that use it, once they stand: where these go with their checks, it goes too, also while there is no
    operator. A namespace can have too many checks to name them all."""
    return [
        {
            "apiVersion": "batch/v1",
            "kind": "CronJob",
            "name": prober.name,
            "uid": world.cron_jobs[prober.name],
            "controller": False,
            "blockOwnerDeletion": False,
        }
        for prober in probers
        if prober.name in world.cron_jobs
    ]


def _metadata(
    world: ChecksWorld,
    name: str,
    labels: Mapping[str, str],
    owners: Sequence[Object],
    annotations: Mapping[str, str] | None = None,
) -> Object:
    out: Object = {"name": name, "namespace": world.key.namespace, "labels": dict(labels)}
    if owners:
        out["ownerReferences"] = list(owners)
    if annotations:
        out["annotations"] = dict(annotations)
    return out


def _annotations(prober: Prober) -> dict[str, str]:
    return {naming.ANNOTATION_DATA_CENTER: prober.data_center}
