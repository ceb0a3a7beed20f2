"""What is posted to a target, by its kind. A kind is one function; the rest of the delivery is the same for all."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from services.notification.delivery.channels import DeliveryChannel


class TargetKind(StrEnum):
    """The shape of what a target takes."""

    SLACK = "slack"
    MATTERMOST = "mattermost"
    TEAMS = "teams"
    GENERIC = "generic"
    PAGERDUTY = "pagerduty"
    OPSGENIE = "opsgenie"

    @property
    def channel(self) -> DeliveryChannel:
        """The channel of the matrix that a target of this kind belongs to."""
        is_chat = self in (TargetKind.SLACK, TargetKind.MATTERMOST, TargetKind.TEAMS)
        return DeliveryChannel.CHAT if is_chat else DeliveryChannel.ON_CALL


@dataclass(frozen=True, slots=True)
class TargetMessage:
    """What a target is told: facts of a ticket, and nothing that the requester wrote but the subject."""

    delivery_id: str
    event: str
    """Such as `sla_breached`; `resolved` ends what is on call."""
    text: str
    number: str
    subject: str
    priority: str
    url: str
    at: datetime
    ticket_id: str

    @property
    def is_over(self) -> bool:
        """Whether the reason to be on call is over."""
        return self.event == "resolved"

    @property
    def key(self) -> str:
        """What alerts of the same ticket are recognised by."""
        return f"everdesk-{self.ticket_id}"

    @property
    def title(self) -> str:
        """The ticket and what happened, in one line."""
        return f"[#{self.number}] {self.text}: {self.subject}"


@dataclass(frozen=True, slots=True)
class TargetRequest:
    """One HTTP request to a target."""

    url: str
    body: Mapping[str, Any]
    headers: Mapping[str, str]


def request_of(kind: TargetKind, url: str, secret: str | None, message: TargetMessage) -> TargetRequest:
    """Returns what is posted."""
    return _SHAPES[kind](url, secret, message)


def _slack(url: str, _: str | None, message: TargetMessage) -> TargetRequest:
    """Slack's incoming webhook: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks."""
    number, subject = _slack_text(message.number), _slack_text(message.subject)
    line = f"{_slack_text(message.text)}: <{message.url}|#{number}> {subject}"
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": line}}]
    return TargetRequest(url, {"text": _slack_text(message.title), "blocks": blocks}, {})


def _slack_text(text: str) -> str:
    """Escapes the three characters with which Slack marks links and mentions."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _mattermost(url: str, _: str | None, message: TargetMessage) -> TargetRequest:
    """Mattermost's incoming webhook; Markdown, in which the subject is shown as it was written."""
    line = f"{message.text}: [#{message.number}]({message.url}) {_markdown_text(message.subject)}"
    return TargetRequest(url, {"text": line}, {})


def _markdown_text(text: str) -> str:
    """Escapes what Markdown and mentions are made of."""
    escaped = "".join(f"\\{char}" if char in "\\`*_{}[]()#+-.!|<>~" else char for char in " ".join(text.split()))
    return escaped.replace("@", "@\u200b")


def _teams(url: str, _: str | None, message: TargetMessage) -> TargetRequest:
    """An adaptive card, as Teams workflows take it from an incoming webhook."""
    body = [
        {"type": "TextBlock", "text": f"{message.text}: #{message.number}", "weight": "Bolder", "wrap": True},
        {"type": "TextBlock", "text": _markdown_text(message.subject), "wrap": True},
    ]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
        "actions": [{"type": "Action.OpenUrl", "title": "Open the ticket", "url": message.url}],
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return TargetRequest(url, {"type": "message", "attachments": [attachment]}, {})


def _generic(url: str, secret: str | None, message: TargetMessage) -> TargetRequest:
    """Plain JSON; the secret, if there is one, as a bearer token."""
    body = {
        "id": message.delivery_id,
        "event": message.event,
        "status": "resolved" if message.is_over else "triggered",
        "key": message.key,
        "text": message.text,
        "ticket": {
            "id": message.ticket_id,
            "number": message.number,
            "subject": message.subject,
            "priority": message.priority,
            "url": message.url,
        },
        "at": message.at.isoformat(),
    }
    return TargetRequest(url, body, {"Authorization": f"Bearer {secret}"} if secret else {})


_SEVERITIES = {"urgent": "critical", "high": "error", "normal": "warning", "low": "info"}
_PRIORITIES = {"urgent": "P1", "high": "P2", "normal": "P3", "low": "P4"}


def _pagerduty(url: str, secret: str | None, message: TargetMessage) -> TargetRequest:
    """PagerDuty's Events API v2; the secret is the routing key."""
    body: dict[str, Any] = {
        "routing_key": secret or "",
        "event_action": "resolve" if message.is_over else "trigger",
        "dedup_key": message.key,
    }
    if not message.is_over:
        body |= {
            "payload": {
                "summary": message.title[:1024],
                "source": "everdesk",
                "severity": _SEVERITIES.get(message.priority, "warning"),
                "timestamp": message.at.isoformat(),
                "class": message.event,
                "custom_details": {"ticket": message.number, "priority": message.priority},
            },
            "links": [{"href": message.url, "text": f"Ticket {message.number}"}],
        }
    return TargetRequest(url, body, {})


def _opsgenie(url: str, secret: str | None, message: TargetMessage) -> TargetRequest:
    """Opsgenie's Alert API; the secret is the API key, and the alias makes repeated alerts one."""
    headers = {"Authorization": f"GenieKey {secret or ''}"}
    if message.is_over:
        close = f"{url.rstrip('/')}/{message.key}/close?identifierType=alias"
        return TargetRequest(close, {"source": "everdesk", "note": message.text}, headers)
    body = {
        "message": message.title[:130],
        "alias": message.key,
        "description": message.url,
        "priority": _PRIORITIES.get(message.priority, "P3"),
        "source": "everdesk",
        "details": {"ticket": message.number, "event": message.event},
    }
    return TargetRequest(url, body, headers)


_SHAPES: Mapping[TargetKind, Callable[[str, str | None, TargetMessage], TargetRequest]] = {
    TargetKind.SLACK: _slack,
    TargetKind.MATTERMOST: _mattermost,
    TargetKind.TEAMS: _teams,
    TargetKind.GENERIC: _generic,
    TargetKind.PAGERDUTY: _pagerduty,
    TargetKind.OPSGENIE: _opsgenie,
}
