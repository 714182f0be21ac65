"""From a request to its answer through the tiers: route, ring, next hop, collapse, fetch, and the pipeline."""
