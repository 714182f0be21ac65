"""Connections to origins and other pods: names, dialling, pool, limits, breakers."""
