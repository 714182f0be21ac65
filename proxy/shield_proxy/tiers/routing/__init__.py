"""Where a request belongs: its zone and origin, the pod that owns its key, who is asked next. Pure."""
