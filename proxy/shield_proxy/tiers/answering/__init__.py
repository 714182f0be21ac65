"""From the head of a request to its answer: out of memory, L2, a fetch shared by all who ask, or one of its own."""
