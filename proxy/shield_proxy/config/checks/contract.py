"""What probers and the operator agree on beside the HealthCheck itself: a prober's Lease and its command."""

LEASE_SECONDS = 30
"""A Lease that was not renewed for so long is silent: its data centre has no vote, and the next run takes over."""
RENEW_SECONDS = 10
COUNTERS = "smartshield.io/counters"
"""Annotation of a Lease: compact JSON {check id: [verdict, fails, successes, generation]}; the verdict is
h (healthy), n (not healthy) or u (unknown)."""
MISSED = "smartshield.io/missed"
"""Annotation of a Lease: slots that nobody probed, counted over all runs."""
SUCCESSOR = "smartshield.io/successor"
"""Annotation of a Lease: `RUN` asks to be the next one. `RUN FROM`, once the holder has answered: that run may take the
Lease, and then owns the slots later than FROM, seconds since the epoch."""
RUN_OVERLAP_SECONDS = 180
"""A run may go on for so long after the next one should have begun; then it is ended."""
GRACE_SECONDS = 30
"""Between a run's SIGTERM and its end."""
DATA_CENTER = "smartshield.io/data-center"
"""Annotation of a prober's CronJob and Lease: REGION/ZONE."""
PROBER = "prober"
LABEL_SHARD = "smartshield.io/shard"
PROBERS_SELECTOR = f"app.kubernetes.io/managed-by=shield-operator,app.kubernetes.io/component={PROBER}"
"""Selects what the operator makes for probers, the Leases of one group of checks together with its label shard."""
INTERNAL_NETWORKS = "SHIELD_INTERNAL_NETWORKS"
"""Environment of a prober: CIDRs and addresses, separated by commas, that no probe may go to."""
OWN_SERVICES = "SHIELD_OWN_SERVICES"
"""The same of the addresses of the shield's own Services."""
MOST_INTERNAL = 2048
"""Members of either."""
PREVIEW = "smartshield.io/preview"
"""Annotation of a HealthCheck that is made to be probed once and deleted: nobody acts on what it finds."""
