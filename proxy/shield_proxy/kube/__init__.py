"""A small client of the Kubernetes API: few requests, objects as decoded JSON. What it is used for, it does not know."""
