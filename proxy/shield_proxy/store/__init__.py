"""Where responses are kept: in this process (L1) and in the Redis of the data centre (L2)."""
