"""The compiled twin has the types of the pure one."""

from shield_proxy.wire.fastpure import LARGE as LARGE
from shield_proxy.wire.fastpure import UNLIMITED as UNLIMITED
from shield_proxy.wire.fastpure import Answer as Answer
from shield_proxy.wire.fastpure import Client as Client
from shield_proxy.wire.fastpure import FastPath as FastPath
from shield_proxy.wire.fastpure import Hit as Hit
from shield_proxy.wire.fastpure import Resource as Resource
from shield_proxy.wire.fastpure import Tally as Tally
from shield_proxy.wire.fastpure import untrack as untrack
