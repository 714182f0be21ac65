"""Where a cluster comes from: built in, kind, or one that is there already. One interface over the three."""
