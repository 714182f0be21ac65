"""TLS: contexts between pods, certificates by name, the transport under it."""
