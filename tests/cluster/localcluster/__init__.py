"""A real Kubernetes cluster on one machine, for tests and the demo: four data centres, a WAN, origins outside.

cluster = Cluster("test")            # CLUSTER=builtin (default), kind, or existing
cluster.up()
cluster.load("image.tar")
cluster.exec("ams", ["curl", "-s", "http://10.96.3.4/"])      # a client in Amsterdam
cluster.wan.set("ams", "iad", 80)                             # ms one way, under traffic
cluster.origin("origin-eu").requests()                        # what the origin saw
cluster.down()
"""

from .cluster import Cluster, Origin, Wan
from .originlog import Counts, Seen
from .providers.interface import Capabilities, ClusterFailed, NodePlace, NotOffered

__all__ = ["Capabilities", "Cluster", "ClusterFailed", "Counts", "NodePlace", "NotOffered", "Origin", "Seen", "Wan"]
