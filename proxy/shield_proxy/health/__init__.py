"""Health checks: what is checked, one probe and what it found, counters and slots (pure); probing (effects)."""
