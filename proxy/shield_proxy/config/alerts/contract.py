"""What the operator and the courier agree on beside the HealthAlert itself."""

PLURAL = "healthalerts"
COURIER = "shield-courier"
"""The Deployment, ServiceAccount, Role, RoleBinding and NetworkPolicy of a namespace's courier; the manager of the
fields that it applies; its command, `shield-courier run --namespace NAMESPACE`. It answers /livez, /readyz and /metrics
on the port that proxies answer them on (HEALTH_PORT), and takes SHIELD_LOG_LEVEL from its environment."""
SECRETS_DIR = "/etc/smart-shield/secrets"
"""SECRET/KEY of every Secret that an alert of the namespace names; a file is missing while its Secret or its key does
not exist. What is in a file may change at any time."""
ANNOTATION_TEST = "smartshield.io/test"
"""Of a HealthAlert: a token that differs from status.lastTest asks for one test notification to every target."""
MOST_TOKEN = 63
"""Characters of a token; what is beyond does not count."""
MOST_TARGETS = 2000
"""Of all alerts of a namespace together; `places.py` says which alerts have them."""
MOST_NOTIFICATIONS = 50
"""In the queue at once."""
KEEP_SECONDS = 86400
"""A notification is given up when it is this old."""
MOST_TEXT = 1024
"""Characters of a message in the status."""
COURIER_GRACE_SECONDS = 15
"""Between the courier's SIGTERM and its end."""
