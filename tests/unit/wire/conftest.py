"""What tests of the fast path share: each of its implementations in turn."""

from types import ModuleType

import pytest
from plainrequests import compiled

from shield_proxy.wire.fast import pure as fastpure


@pytest.fixture(params=["pure", "compiled"])
def twin(request: pytest.FixtureRequest) -> ModuleType:
    return fastpure if request.param == "pure" else compiled()
