"""A small client of the Kubernetes API: few requests, objects as decoded JSON. It knows nothing of its uses."""
