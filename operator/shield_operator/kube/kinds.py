"""The kinds of objects the operator reads and writes, and the paths they live under. Knows no discovery."""

from dataclasses import dataclass
from typing import Any

from shield_operator.core import naming
from shield_proxy.config.alerts.contract import PLURAL


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of object in the one version the operator speaks."""

    kind: str
    plural: str
    group: str = ""
    version: str = "v1"
    namespaced: bool = True
    child: bool = False
    """Watched only where the label managed-by says that the operator made it."""

    @property
    def api_version(self) -> str:
        """`group/version`, of the core group `version`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def resource(self) -> str:
        """`plural.group`, as kubectl and RBAC errors name it."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def root(self) -> str:
        """What every path of the kind's group and version begins with."""
        return f"/{'apis' if self.group else 'api'}/{self.api_version}"

    def path(self, namespace: str | None = None, name: str | None = None, subresource: str | None = None) -> str:
        """The path of a collection, an object or its subresource, from the server's root."""
        parts = [self.root]
        if self.namespaced and namespace is not None:
            parts += ["namespaces", namespace]
        parts += [part for part in (self.plural, name, subresource) if part is not None]
        return "/".join(parts)


ZONE = Kind(naming.ZONE_KIND, "smartshieldzones", naming.GROUP, naming.VERSION)
FLEET = Kind(naming.FLEET_KIND, "shieldfleets", naming.GROUP, naming.VERSION)
CHECK = Kind(naming.CHECK_KIND, "healthchecks", naming.GROUP, naming.VERSION)
ALERT = Kind(naming.ALERT_KIND, PLURAL, naming.GROUP, naming.VERSION)
NODE = Kind("Node", "nodes", namespaced=False)
POD = Kind("Pod", "pods", child=True)
SERVICE = Kind("Service", "services", child=True)
CONFIG_MAP = Kind("ConfigMap", "configmaps", child=True)
SERVICE_ACCOUNT = Kind("ServiceAccount", "serviceaccounts", child=True)
DEPLOYMENT = Kind("Deployment", "deployments", "apps", child=True)
DISRUPTION_BUDGET = Kind("PodDisruptionBudget", "poddisruptionbudgets", "policy", child=True)
NETWORK_POLICY = Kind("NetworkPolicy", "networkpolicies", "networking.k8s.io", child=True)
SECRET = Kind("Secret", "secrets")
EVENT = Kind("Event", "events")
JOB = Kind("Job", "jobs", "batch")
CRON_JOB = Kind("CronJob", "cronjobs", "batch", child=True)
ROLE = Kind("Role", "roles", "rbac.authorization.k8s.io", child=True)
ROLE_BINDING = Kind("RoleBinding", "rolebindings", "rbac.authorization.k8s.io", child=True)
LEASE = Kind("Lease", "leases", "coordination.k8s.io", child=True)
"""Watched are those of probers. The leader's has no label."""

OF_FLEETS = (DEPLOYMENT, SERVICE, CONFIG_MAP, DISRUPTION_BUDGET, NETWORK_POLICY, SERVICE_ACCOUNT)
OF_CHECKS = (CRON_JOB, LEASE, ROLE_BINDING, ROLE, SERVICE_ACCOUNT, NETWORK_POLICY)
OF_ALERTS = (DEPLOYMENT, ROLE_BINDING, ROLE, SERVICE_ACCOUNT, NETWORK_POLICY)
OWNED = tuple(dict.fromkeys((*OF_FLEETS, *OF_CHECKS, *OF_ALERTS)))
"""What the operator applies, restores and prunes. Secrets are applied too, but never read outside its namespace."""
WATCHED = (ZONE, FLEET, CHECK, ALERT, NODE, POD, *OWNED)
CHILD_SELECTOR = f"{naming.LABEL_MANAGED_BY}={naming.MANAGED_BY}"

BY_NAME = {kind.kind: kind for kind in (*WATCHED, SECRET, EVENT, JOB)}


def kind_of(body: Any) -> Kind:
    """The kind of an object; KeyError for one that the operator does not know."""
    return BY_NAME[body["kind"]]
