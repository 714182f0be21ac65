"""A run of probes: which slots it owns and what it hands over (pure); its Lease, its rota and its reports (effects)."""
