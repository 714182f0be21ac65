"""A notification to a target: its Secrets are read, its message is made and sent."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import assert_never

from shield_courier.core.alerts import Alert
from shield_courier.core.answers import answered
from shield_courier.core.outcomes import Delivered, Failed, Outcome
from shield_courier.core.posts import (
    Post,
    opsgenie_posts,
    pagerduty_posts,
    slack_body,
    teams_body,
    webhook_body,
)
from shield_courier.sending.names import Resolve
from shield_courier.sending.secrets import SecretProblem, Secrets
from shield_courier.sending.trust import Trust
from shield_proxy.config.alerts.alert import (
    Email,
    Means,
    Opsgenie,
    PagerDuty,
    SecretKey,
    Slack,
    Target,
    Teams,
    Webhook,
)
from shield_proxy.config.alerts.decode import url_problem
from shield_proxy.config.alerts.notification import Notification
from shield_proxy.config.internal import Internal

KINDS: dict[type[Means], str] = {
    Email: "email",
    Webhook: "webhook",
    Slack: "slack",
    Teams: "teams",
    PagerDuty: "pagerDuty",
    Opsgenie: "opsgenie",
}


def kind_of(target: Target) -> str:
    """What its field in the spec is called."""
    return KINDS[type(target.means)]


@dataclass(frozen=True, slots=True)
class Sender:
    """Delivers, with what deliveries share."""

    secrets: Secrets
    trust: Trust
    resolve: Resolve
    internal: Internal
    """Where nothing is sent to."""
    mail_seconds: float = 60.0
    """For an attempt: mail servers that mistrust make clients wait."""
    post_seconds: float = 30.0
    """For a request and its answer."""

    async def deliver(
        self, alert: Alert, target: Target, notification: Notification, left: tuple[str, ...] = ()
    ) -> Outcome:
        """What became of one attempt; `left`: the recipients of a mail that others have already."""
        try:
            match target.means:
                case Email() as means:
                    return await self._mail(alert, target.name, means, notification, left)
                case means:
                    return await self._post(means, self._posts(alert, means, notification))
        except SecretProblem as problem:
            return Failed(str(problem))

    async def _mail(
        self, alert: Alert, target: str, means: Email, notification: Notification, left: tuple[str, ...]
    ) -> Outcome:
        # Here, because a courier without mail need not load it; the same below.
        from shield_courier.core.mail import mail
        from shield_courier.sending.mailing import Credentials, Letter, send

        if not all(address.isascii() for address in (means.sender, *means.to)):
            return Failed("addresses must be of ASCII letters", True)
        server, credentials = means.server, None
        if server.username is not None and server.password is not None:
            credentials = Credentials(self.secrets.word(server.username), self.secrets.word(server.password))
        trust = self.trust.context(self._authority(server.authority))
        content = mail(alert, target, means, notification, time.time())
        recipients = tuple(each for each in means.to if each in left) or means.to
        return await send(
            Letter(means.sender, recipients, content),
            server,
            credentials,
            trust,
            self.resolve,
            self.internal,
            self.mail_seconds,
        )

    async def _post(self, means: Webhook | Slack | Teams | PagerDuty | Opsgenie, posts: Iterable[Post]) -> Outcome:
        from shield_courier.sending.posting import post

        authority = means.authority if isinstance(means, Webhook) else None
        trust = self.trust.context(self._authority(authority))
        for each in posts:
            answer = await post(each, trust, self.resolve, self.internal, self.post_seconds)
            if isinstance(answer, Failed):
                return answer
            outcome = answered(means, answer.status, answer.retry_after, answer.body, each.secret)
            if isinstance(outcome, Failed):
                return outcome
        return Delivered()

    def _posts(
        self, alert: Alert, means: Webhook | Slack | Teams | PagerDuty | Opsgenie, notification: Notification
    ) -> tuple[Post, ...]:
        match means:
            case Webhook():
                url = self._url(means.url) if isinstance(means.url, SecretKey) else means.url
                fields = ((means.header, self.secrets.text(means.secret)),) if means.secret is not None else ()
                return (Post(url, webhook_body(alert, notification), fields),)
            case Slack():
                return (Post(self._url(means.url, only="https"), slack_body(alert, notification)),)
            case Teams():
                return (Post(self._url(means.url, only="https"), teams_body(alert, notification)),)
            case PagerDuty():
                return pagerduty_posts(alert, notification, self.secrets.text(means.routing_key), means.region)
            case Opsgenie():
                return opsgenie_posts(alert, notification, self.secrets.text(means.api_key), means.region)
            case _:
                assert_never(means)

    def _url(self, key: SecretKey, only: str = "") -> str:
        url = self.secrets.text(key)
        problem = url_problem(url)
        if problem is None and only and not url.lower().startswith(f"{only}://"):
            problem = f"must be a URL of {only}"
        if problem is not None:
            raise SecretProblem(f"key {key.key} of Secret {key.secret} {problem}")
        return url

    def _authority(self, key: SecretKey | None) -> str | None:
        return self.secrets.pem(key) if key is not None else None
