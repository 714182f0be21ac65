"""The product's version, and the schema numbers of the zone state that this version reads and writes."""

VERSION = "0.1.0"

SCHEMA = 1
"""The newest schema this version writes; the one before it while any pod reports that it reads no newer one."""

READS = (SCHEMA - 1, SCHEMA) if SCHEMA > 1 else (SCHEMA,)
