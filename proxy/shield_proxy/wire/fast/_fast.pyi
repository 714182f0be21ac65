"""The compiled twin has the types of the pure one."""

from shield_proxy.wire.fast.pure import LARGE as LARGE
from shield_proxy.wire.fast.pure import UNLIMITED as UNLIMITED
from shield_proxy.wire.fast.pure import Answer as Answer
from shield_proxy.wire.fast.pure import Client as Client
from shield_proxy.wire.fast.pure import FastPath as FastPath
from shield_proxy.wire.fast.pure import Hit as Hit
from shield_proxy.wire.fast.pure import Resource as Resource
from shield_proxy.wire.fast.pure import Tally as Tally
from shield_proxy.wire.fast.pure import untrack as untrack

def send_file(to: int, head: bytes, descriptor: int, size: int) -> int: ...
