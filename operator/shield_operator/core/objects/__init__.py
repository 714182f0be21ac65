"""The Kubernetes objects of a fleet, as dictionaries to be server-side applied."""
