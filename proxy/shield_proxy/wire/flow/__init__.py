"""Bytes on their way between connections: back-pressure, bodies, tunnels."""
