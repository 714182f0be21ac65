"""What a process tells of itself: figures, the access log, spans. Knows nothing of what it tells about."""
