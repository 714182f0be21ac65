"""The control plane: turns custom resources, nodes and measurements into tiers, zone state and status."""
