"""A small real world for tests: origins that remember what they saw, fleets of data planes, clients, certificates."""
