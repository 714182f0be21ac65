"""The three words for how an origin is. Pure."""

from enum import StrEnum


class Health(StrEnum):
    """Of an origin, in the eyes of a data centre, of a region or of all."""

    UNKNOWN = "Unknown"
    HEALTHY = "Healthy"
    UNHEALTHY = "Unhealthy"
