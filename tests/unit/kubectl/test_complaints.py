"""What kubectl says, and what people are told of it."""

import pytest

from shield_kubectl.complaints import Kind, Wanted, explain

WANTED = Wanted("healthchecks", "shop", "origin")
CANT = 'User "bob" cannot {} resource "{}" in API group "smartshield.io" in the namespace "shop"'
SAID = [
    (
        'Error from server (NotFound): healthchecks.smartshield.io "origin" not found',
        Kind.ABSENT,
        "there is no HealthCheck origin in namespace shop. See: kubectl get healthchecks -n shop",
    ),
    (
        "Error from server (NotFound): the server could not find the requested resource",
        Kind.NOT_INSTALLED,
        "this cluster knows no healthchecks.smartshield.io: Smart Shield is not installed there, or is older",
    ),
    (
        'error: the server doesn\'t have a resource type "healthchecks"',
        Kind.NOT_INSTALLED,
        "this cluster knows no healthchecks.smartshield.io: Smart Shield is not installed there, or is older",
    ),
    (
        'Error from server (NotFound): namespaces "shop" not found',
        Kind.ABSENT,
        "there is no namespace shop",
    ),
    (
        "Error from server (Forbidden): healthchecks.smartshield.io is forbidden: "
        + CANT.format("get", "healthchecks"),
        Kind.FORBIDDEN,
        "bob has no right to get healthchecks in shop. The ClusterRole view gives it; ask who administers",
    ),
    (
        "Error from server (Forbidden): healthalerts.smartshield.io is forbidden: "
        + CANT.format("patch", "healthalerts"),
        Kind.FORBIDDEN,
        "bob has no right to patch healthalerts in shop. The ClusterRole edit gives it; ask who administers",
    ),
    (
        'Error from server (Forbidden): admission webhook "x" denied the request: no',
        Kind.FORBIDDEN,
        'it is forbidden: admission webhook "x" denied the request: no',
    ),
    (
        'The HealthCheck "preview-x" is invalid: spec.timeout: Invalid value: timeout must be less than interval',
        Kind.INVALID,
        "the API server refuses it: spec.timeout: Invalid value: timeout must be less than interval",
    ),
    (
        'The HealthCheck "preview-x" is invalid: \n* spec.a: Required value\n* spec.b: Invalid value: 7',
        Kind.INVALID,
        "the API server refuses it: \n  spec.a: Required value\n  spec.b: Invalid value: 7",
    ),
    (
        'Error from server (BadRequest): HealthCheck in version "v1alpha1" cannot be handled as a HealthCheck: strict '
        'decoding error: unknown field "spec.foo"',
        Kind.INVALID,
        'the API server refuses it: unknown field "spec.foo"',
    ),
    (
        "error: You must be logged in to the server (Unauthorized)",
        Kind.FORBIDDEN,
        "the cluster does not know you: log in again, or choose another --context",
    ),
    (
        "The connection to the server 127.0.0.1:1 was refused - did you specify the right host or port?",
        Kind.UNREACHABLE,
        "the cluster can't be reached: The connection to the server 127.0.0.1:1 was refused. See: kubectl cluster-info",
    ),
    (
        'E0101 00:00:00.000000 1 memcache.go:265] couldn\'t get list\nWarning: old\nerror: context "x" does not exist',
        Kind.OTHER,
        'context "x" does not exist',
    ),
    ("", Kind.OTHER, "kubectl failed without a word"),
]


@pytest.mark.parametrize(("said", "kind", "told"), SAID)
def test_complaints_say_what_is_wrong_and_what_to_do(said: str, kind: Kind, told: str) -> None:
    assert explain(said, WANTED) == (kind, told)
