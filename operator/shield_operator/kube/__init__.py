"""The operator's effects: the Kubernetes API, the leader Lease, certificates, pushes to pods."""
