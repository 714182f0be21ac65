"""A check as people see it."""

from givenviews import GOOD, NOW, WRONG_CODE, check, entry, lease, unhealthy_view

from shield_kubectl.shown.checktext import check_text
from shield_kubectl.shown.documents import check_document
from shield_kubectl.shown.style import Style, age, plain
from shield_kubectl.shown.view import check_view

ASCII = """\
shop/origin   HTTPS origin.example.com
Unhealthy for 20s: Response code mismatch error
healthy in 0/2 regions, round trip 12.5ms

Ready  False  DataCenterSilent: us/b is silent

REGION   VERDICT     HEALTHY DATA CENTERS
eu       Unhealthy   0/1
us       Unknown     0/1

DATA CENTER   VERDICT            REASON                         CODE   ADDRESS     LAST PROBE
eu/a          Unhealthy          Response code mismatch error   503    192.0.2.1   4s ago
us/b          Healthy (silent)   -                              200    192.0.2.1   3m ago

eu/a: expected 200; received 503

eu/a, 4s ago
  dns         1.0 ms #
  tcp        12.5 ms ##
  tls        25.0 ms  ####
  ttfb       30.0 ms      ####
  total      70.0 ms ##########
us/b, 3m ago
  tcp       100.0 ms ##############
  ttfb      100.0 ms               ##############
  total     200.0 ms #############################
"""


def test_everything_of_a_check_is_shown() -> None:
    assert check_text(unhealthy_view(), Style(width=50), NOW) == ASCII


def test_colours_and_blocks_change_nothing_of_what_is_said() -> None:
    text = check_text(unhealthy_view(), Style(colour=True, unicode=True, width=50), NOW)
    assert "\x1b[31mUnhealthy\x1b[0m" in text
    assert "\x1b[32mHealthy (silent)\x1b[0m" in text
    assert "  total     200.0 ms █████████████████████████████\n" in text
    assert not text.isascii()


def test_what_a_server_said_can_not_move_the_cursor() -> None:
    told = entry("eu/a", "Unhealthy", reason="Other Failure", detail="\x1b[2Jall\u202eis well\r\n", address="\x9b31m")
    text = check_text(check_view(check(told, failureReason="\x07"), []), Style(colour=True), NOW)
    assert "eu/a: ?[2Jall?is well??" in text
    assert not any(ord(c) < 32 and c not in "\n\x1b" for c in text)
    assert text.count("\x1b") == text.count("\x1b[3") + text.count("\x1b[0m")


def test_a_probe_that_does_not_agree_with_the_verdict_is_told() -> None:
    told = [entry("eu/a", "Healthy"), entry("us/b", "Unhealthy", reason="TCP Timeout")]
    view = check_view(check(*told), [lease("eu/a", WRONG_CODE), lease("us/b", GOOD)])
    lines = check_text(view, Style(), NOW).splitlines()
    assert any(line.startswith("eu/a") and line.endswith("4s ago, unhealthy") for line in lines)
    assert any(line.startswith("us/b") and line.endswith("3m ago, healthy") for line in lines)


def test_reason_and_detail_are_of_the_probe_that_the_code_is_of() -> None:
    told = entry("us/b", "Unhealthy", reason="TCP Timeout", detail="no answer within 2 s")
    view = check_view(check(told, centres=("us/b",)), [lease("us/b", GOOD)])
    (row,) = [line for line in check_text(view, Style(), NOW).splitlines() if line.startswith("us/b  ")]
    assert row.split() == ["us/b", "Unhealthy", "-", "200", "192.0.2.1", "3m", "ago,", "healthy"]
    assert "no answer" not in check_text(view, Style(), NOW)


def test_who_is_silent_the_operator_says_and_no_clock() -> None:
    told = [entry("eu/a", "Healthy"), entry("eu/b", "Healthy"), entry("eu/c", "Healthy"), entry("us/b", "Healthy")]
    found = check(*told, centres=("eu/a", "eu/b", "eu/c"), silent=["eu/a", "us/b"])
    begun, never = lease("eu/b", GOOD), lease("eu/c", None, holder="")
    heard = [each.heard for each in check_view(found, [lease("eu/a", GOOD), begun, never]).data_centres]
    assert heard == [False, True, False, None]
    assert [each.heard for each in check_view(found, []).data_centres] == [False, None, None, None]


def test_a_silent_data_centre_is_none_of_the_healthy_of_its_region() -> None:
    told = [entry("eu/a", "Healthy"), entry("eu/b", "Healthy")]
    regions = [{"name": "eu", "health": "Healthy"}]
    found = check(*told, centres=("eu/a", "eu/b"), silent=["eu/a"], regions=regions)
    assert "eu       Healthy   1/2\n" in check_text(check_view(found, []), Style(), NOW)


def test_a_check_of_which_nothing_is_known_is_shown_as_that() -> None:
    text = check_text(check_view({"metadata": {"namespace": "shop", "name": "new"}}, []), Style(), NOW)
    assert text == "shop/new\nUnknown\n\nNo data centre probes it.\n"


def test_the_document_holds_verdict_and_last_probe_of_each_data_centre() -> None:
    document = check_document(unhealthy_view())
    assert (document["kind"], document["status"], document["healthyRegions"]) == ("CheckReport", "Unhealthy", "0/2")
    times = ("2023-11-13T10:00:00Z", "2023-11-14T21:00:00Z", "2023-11-14T22:13:00Z")
    assert (document["created"], document["modified"], document["lastChange"]) == times
    eu, us = document["dataCenters"]
    assert (eu["name"], eu["code"], eu["heard"], us["heard"]) == ("eu/a", 500, True, False)
    assert eu["lastProbe"] == {
        "at": "2023-11-14T22:13:16.000Z",
        "healthy": False,
        "reason": "Response code mismatch error",
        "detail": "expected 200; received 503",
        "code": 503,
        "address": "192.0.2.1",
        "attempts": 1,
        "waterfall": {
            "dnsMilliseconds": 1.0,
            "tcpMilliseconds": 12.5,
            "tlsMilliseconds": 25.0,
            "firstByteMilliseconds": 30.0,
            "totalMilliseconds": 70.0,
        },
    }


def test_data_centres_that_have_left_are_shown_without_a_last_probe() -> None:
    view = check_view(check(entry("us/b", "Healthy"), centres=("eu/a",)), [lease("us/b", GOOD)])
    assert [(each.name, each.health, each.heard, each.last) for each in view.data_centres] == [
        ("eu/a", "", None, None),
        ("us/b", "Healthy", None, None),
    ]


def test_whatever_the_status_holds_is_read() -> None:
    wild = {"metadata": 7, "spec": None, "status": {"probes": [7, {"dataCenter": None, "code": "x"}], "conditions": {}}}
    assert check_view(wild, [{"metadata": {"annotations": 7}}]).name == ""


def test_ages_are_told_as_kubectl_tells_them() -> None:
    assert [age(s) for s in (-3, 0, 119, 120, 7199, 7200, 200_000)] == ["0s", "0s", "119s", "2m", "119m", "2h", "2d"]


def test_letters_of_all_languages_stay() -> None:
    assert plain("прод/ü ok") == "прод/ü ok"
