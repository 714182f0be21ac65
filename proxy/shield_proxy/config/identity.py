"""Who is at the other end of a mutual-TLS connection, as its certificate's URI says it."""

from dataclasses import dataclass

TRUST_DOMAIN = "smartshield.io"
OPERATOR_URI = f"spiffe://{TRUST_DOMAIN}/operator"


@dataclass(frozen=True, slots=True)
class PodIdentity:
    """A tier pod: which fleet it serves and on which tier."""

    namespace: str
    fleet: str
    tier: str

    @property
    def uri(self) -> str:
        """The URI SAN of this identity's certificate."""
        return f"spiffe://{TRUST_DOMAIN}/ns/{self.namespace}/fleet/{self.fleet}/tier/{self.tier}"


@dataclass(frozen=True, slots=True)
class OperatorIdentity:
    """The operator; hop ports refuse it."""

    @property
    def uri(self) -> str:
        """The URI SAN of this identity's certificate."""
        return OPERATOR_URI


Identity = PodIdentity | OperatorIdentity


def parse_identity(uri: str) -> Identity | None:
    """The identity a URI SAN names, or None if it is not one of this product's."""
    if uri == OPERATOR_URI:
        return OperatorIdentity()
    match uri.removeprefix(f"spiffe://{TRUST_DOMAIN}/").split("/"):
        case ["ns", namespace, "fleet", fleet, "tier", tier] if uri.startswith("spiffe://") and all(
            (namespace, fleet, tier)
        ):
            identity = PodIdentity(namespace, fleet, tier)
            return identity if identity.uri == uri else None
    return None
