"""What the operator makes of health checks: who probes where, one verdict of many, conditions. Pure."""
