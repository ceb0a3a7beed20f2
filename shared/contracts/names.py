"""Names that several processes must spell alike: streams, consumers, queues, workflow ids, search attributes."""

from shared.contracts.base import MessageId, TicketId

STREAM = "EVERDESK"
STREAM_SUBJECTS = ("everdesk.*.*.v1.*",)
DEAD_STREAM = "EVERDESK_DEAD"
DEAD_SUBJECTS = ("everdesk_dead.>",)

NAMESPACE = "default"
TASK_QUEUE = "everdesk-tickets"
WORKFLOW_DEPLOYMENT = "everdesk"

REPLY_DELIMITER = "Please write your reply above this line"
"""Stands in every mail to a requester: what an answer holds below it is our own mail again."""
REPLY_DELIMITERS = {"en": REPLY_DELIMITER, "de": "Bitte schreiben Sie Ihre Antwort über dieser Zeile"}
"""The same by language. Mails are read with all of them, whatever languages are offered now."""

SEARCH_ATTRIBUTES = ("EverdeskStatus", "EverdeskTeam", "EverdeskAssignee", "EverdeskPriority")
"""Keyword attributes of a ticket's workflow; none is personal."""


def ticket_workflow_id(ticket_id: TicketId) -> str:
    """The id of a ticket's one workflow; starting it twice is refused by Temporal."""
    return f"ticket-{ticket_id}"


def message_update_id(message_id: MessageId) -> str:
    """The id of the update that tells a workflow of a message; a redelivered message gets the first answer."""
    return f"message:{message_id}"


def retry_subject(consumer: str, entity_id: str) -> str:
    """Where a dead letter is put back for one consumer alone."""
    return f"everdesk.retry.{consumer}.v1.{entity_id}"


def dead_subject(consumer: str, subject: str) -> str:
    """Where a consumer's dead letters of one subject are kept."""
    return f"everdesk_dead.{consumer}.{subject}"
