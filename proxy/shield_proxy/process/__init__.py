"""One proxy process: settings, fleet state, internal and health ports, latency measuring, drain, command line."""
