"""The data plane: one caching proxy process, any tier."""
