"""Targets of alerts as values, and what is refused, without telling secrets."""

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from shield_proxy.config.alerts.alert import (
    Email,
    MailServer,
    Opsgenie,
    OpsgenieRegion,
    PagerDuty,
    SecretKey,
    Security,
    Slack,
    Target,
    Teams,
    Webhook,
)
from shield_proxy.config.alerts.decode import READERS, decode_targets, secret_keys, url_problem
from shield_proxy.config.reading import InvalidField

URL = "https://hook.example.com/a"


def decoded(**means: Any) -> Any:
    (target,) = decode_targets({"spec": {"targets": [{"name": "one", **means}]}})
    return target.means


def mail(server: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {
        "email": {"to": ["a@b.c"], "from": "d@e.f", "server": {"host": "mail.example.com", **(server or {})}, **more}
    }


def test_each_means_is_read_with_its_defaults() -> None:
    secret = {"secretName": "s"}
    assert decoded(webhook={"url": URL}) == Webhook(URL)
    assert decoded(webhook={"urlFrom": secret, "secret": secret, "authority": secret}) == Webhook(
        SecretKey("s", "url"), SecretKey("s", "secret"), "Shield-Webhook-Auth", SecretKey("s", "ca.crt")
    )
    assert decoded(slack={"urlFrom": secret}) == Slack(SecretKey("s", "url"))
    assert decoded(teams={"urlFrom": {**secret, "key": "k"}}) == Teams(SecretKey("s", "k"))
    assert decoded(pagerDuty={"routingKeyFrom": secret}) == PagerDuty(SecretKey("s", "routingKey"))
    assert decoded(opsgenie={"apiKeyFrom": secret}) == Opsgenie(SecretKey("s", "apiKey"))
    assert decoded(opsgenie={"apiKeyFrom": secret, "region": "EU"}).region is OpsgenieRegion.EU
    assert decoded(**mail()) == Email(("a@b.c",), "d@e.f", MailServer("mail.example.com", 587))


@pytest.mark.parametrize(("security", "port"), [("StartTLS", 587), ("TLS", 465), ("None", 25)])
def test_the_port_of_mail_follows_how_it_is_protected(security: str, port: int) -> None:
    assert decoded(**mail({"security": security})).server.port == port
    assert decoded(**mail({"security": security, "port": 2525})).server.port == 2525


def test_what_is_read_of_secrets_is_known_without_reading_them() -> None:
    server = {"credentials": {"secretName": "mail"}, "authority": {"secretName": "ca", "key": "root"}}
    assert [key.path for key in secret_keys(Target("t", decoded(**mail(server))))] == [
        "ca/root",
        "mail/password",
        "mail/username",
    ]
    assert secret_keys(Target("t", decoded(webhook={"url": URL}))) == ()
    shared = {"secretName": "s", "key": "k"}
    assert len(secret_keys(Target("t", decoded(webhook={"urlFrom": shared, "secret": shared})))) == 1
    assert decoded(**mail(server)).server.security is Security.START_TLS


@pytest.mark.parametrize(
    ("path", "means"),
    [
        ("spec.targets[0]", {}),
        ("spec.targets[0]", {"webhook": {"url": URL}, "slack": {"urlFrom": {"secretName": "s"}}}),
        ("spec.targets[0].webhook", {"webhook": {}}),
        ("spec.targets[0].webhook", {"webhook": {"url": URL, "urlFrom": {"secretName": "s"}}}),
        ("spec.targets[0].webhook.url", {"webhook": {"url": "ftp://a.example.com"}}),
        ("spec.targets[0].webhook.header", {"webhook": {"url": URL, "header": "Host"}}),
        ("spec.targets[0].webhook.header", {"webhook": {"url": URL, "header": "a\r\nb"}}),
        ("spec.targets[0].slack.urlFrom.secretName", {"slack": {"urlFrom": {}}}),
        ("spec.targets[0].slack.urlFrom.secretName", {"slack": {"urlFrom": {"secretName": "../x"}}}),
        ("spec.targets[0].slack.urlFrom.secretName", {"slack": {"urlFrom": {"secretName": "a..b"}}}),
        ("spec.targets[0].slack.urlFrom.key", {"slack": {"urlFrom": {"secretName": "s", "key": "../../etc/passwd"}}}),
        ("spec.targets[0].slack.urlFrom.key", {"slack": {"urlFrom": {"secretName": "s", "key": ".."}}}),
        ("spec.targets[0].email.to", mail(to=[])),
        ("spec.targets[0].email.to[0]", mail(to=["a@b.c\r\nBcc: x@y.z"])),
        ("spec.targets[0].email.to[1]", mail(to=["a@b.c", "Ops <a@b.c>"])),
        ("spec.targets[0].email.from", mail(**{"from": "nobody"})),
        ("spec.targets[0].email.server.host", mail({"host": "mail.example.com:25"})),
        ("spec.targets[0].email.server.security", mail({"security": "SSL"})),
        ("spec.targets[0].email.server.port", mail({"port": 70000})),
        (
            "spec.targets[0].email.server.credentials",
            mail({"security": "None", "credentials": {"secretName": "s"}}),
        ),
        ("spec.targets[0].opsgenie.region", {"opsgenie": {"apiKeyFrom": {"secretName": "s"}, "region": "AU"}}),
    ],
)
def test_what_can_t_be_used_is_named(path: str, means: dict[str, Any]) -> None:
    with pytest.raises(InvalidField) as problem:
        decoded(**means)
    assert problem.value.path == path


@pytest.mark.parametrize(
    "targets",
    [
        None,
        [],
        [{"name": "a", "webhook": {"url": URL}}] * 2,
        [{"name": f"t{i}", "webhook": {"url": URL}} for i in range(11)],
    ],
)
def test_there_are_from_one_to_ten_targets_of_different_names(targets: Any) -> None:
    with pytest.raises(InvalidField, match=r"spec\.targets"):
        decode_targets({"spec": {"targets": targets}})


@pytest.mark.parametrize(
    "url",
    [
        "https://user:hunter2@hook.example.com/",
        "https://",
        "https://hook.example.com:0/",
        "https://hook.example.com:99999/",
        "https://[::1/",
        "https://hook.example.com/ hunter2",
        "https://h\N{LATIN SMALL LETTER U WITH DIAERESIS}.example/hunter2",
        "hunter2",
        "https://hook.example.com/" + "hunter2" * 300,
    ],
)
def test_a_url_that_can_t_be_used_is_not_repeated(url: str) -> None:
    problem = url_problem(url)
    assert problem
    assert "hunter2" not in problem
    with pytest.raises(InvalidField) as refused:
        decoded(webhook={"url": url})
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    "url", [URL, "http://10.0.0.1:8080", "https://[2001:db8::7]/x?token=a%20b", "HTTP://A.example"]
)
def test_a_url_that_can_be_used(url: str) -> None:
    assert url_problem(url) is None


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KEYS = ["name", "url", "urlFrom", "secretName", "key", "to", "from", "server", "host", "port", "security", "header"]
known = st.recursive(
    json,
    lambda inner: st.dictionaries(st.sampled_from([*KEYS, *READERS]), inner, max_size=4) | st.lists(inner, max_size=3),
    max_leaves=12,
)


@given(st.fixed_dictionaries({"targets": known}))
def test_whatever_stands_there_is_read_or_named(spec: Any) -> None:
    problem = None
    try:
        assert decode_targets({"spec": spec})
    except InvalidField as refused:
        problem = refused
    assert problem is None or problem.path.startswith("spec")


def test_what_is_written_in_yaml_without_quotes_is_read_as_it_looks() -> None:
    text = "{host: mail.example.com, security: None}"
    assert decoded(**mail(yaml.safe_load(text))).server.security is Security.NONE
