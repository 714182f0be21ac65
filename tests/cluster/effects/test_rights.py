"""What an API server lets the operator's account do to checks: take previews away, and nothing else."""

from typing import Any

import pytest

from bareapi import BareApi
from checkspace import APPLY, MERGE, Shop
from operatorprocess import OPERATOR, grant
from product.polling import poll

MARK = {"smartshield.io/preview": "true"}
CHECKS = {"origin": {}, "origin-marked": MARK, "preview-plain": {}, "preview-other": {"smartshield.io/preview": "1"}}


@pytest.fixture
def kept(policy: None, shop: Shop) -> Shop:
    """Checks that are no previews, each in another way, and the policy in force."""
    for name, notes in CHECKS.items():
        shop.add(name)
        shop.api.call("PATCH", shop.path(name), {"metadata": {"annotations": notes}}, MERGE)
    poll("the policy is in force", lambda: "no check but previews" in refusal(shop, "origin", dry=True), 30)
    return shop


def refusal(shop: Shop, name: str, dry: bool = False, user: str = OPERATOR) -> str:
    """Why a check is not deleted; "" where it is."""
    try:
        shop.api.call("DELETE", shop.path(name) + ("?dryRun=All" if dry else ""), user=user)
    except AssertionError as refused:
        return str(refused)
    return ""


def left(shop: Shop) -> list[str]:
    return sorted(body["metadata"]["name"] for body in shop.api.call("GET", shop.path("").rstrip("/"))["items"])


def test_the_operator_deletes_a_preview_and_no_other_check(kept: Shop) -> None:
    kept.add("preview-x7k2p")
    kept.api.call("PATCH", kept.path("preview-x7k2p"), {"metadata": {"annotations": {**MARK, "a": "b"}}}, MERGE)
    for name in CHECKS:
        assert "403" in (why := refusal(kept, name)), name
        assert "the operator may delete no check but previews" in why
    assert refusal(kept, "preview-x7k2p") == ""
    assert left(kept) == sorted(CHECKS)


def test_it_can_make_no_check_a_preview(kept: Shop) -> None:
    """It may write the status, and what else is in such a write does not count."""
    marked: dict[str, Any] = {"metadata": {"annotations": MARK}}
    with pytest.raises(AssertionError, match="403"):
        kept.api.call("PATCH", kept.path("preview-plain"), marked, MERGE, OPERATOR)
    status = {"apiVersion": "smartshield.io/v1alpha1", "kind": "HealthCheck", **marked, "status": {"status": "Unknown"}}
    path = kept.path("preview-plain", "status") + "?fieldManager=shield-operator&force=true"
    kept.api.call("PATCH", path, status, APPLY, OPERATOR)
    assert kept.status("preview-plain")["status"] == "Unknown"
    assert "no check but previews" in refusal(kept, "preview-plain")


def test_other_people_delete_what_they_have_the_right_to(api: BareApi, kept: Shop) -> None:
    rule = {"apiGroups": ["smartshield.io"], "resources": ["healthchecks"], "verbs": ["delete"]}
    grant(api, kept.space, "ann", [rule])
    assert [refusal(kept, name, user="ann") for name in CHECKS] == [""] * len(CHECKS)
