"""HTTP/1.1 messages as values and bytes: strict, pure."""
