"""From a request to its answer through the tiers. A data plane is one process of a tier: its ports, and these rooms."""
