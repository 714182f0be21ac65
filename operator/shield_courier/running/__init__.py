"""One process: the alerts of its namespace, a lane for each target, their status, the health port."""
