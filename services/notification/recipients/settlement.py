"""Settles for whom a decision is: the recipient's address, or the reason why nobody is told."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row

from services.notification.decisions.event_rules import (
    AUTHOR_ADDRESS,
    COPIED,
    DONE_BY,
    FOLLOWS,
    GIVEN_BY_SYSTEM,
    MERGED_INTO,
    PARTICIPANT,
    REQUESTER,
    SENT_TO,
    SIDE,
)
from services.notification.delivery.templates import LINKS_ASKED_FOR, TemplateName
from services.notification.recipients.held_mails import OUT_OF_SIGHT
from services.notification.recipients.recipient_expansion import WITHDRAWN
from services.notification.rules.additional_recipients import ADDITIONAL
from shared.contracts.vocabulary import ParticipantState
from shared.kit.addresses import address_key, is_reachable
from shared.kit.auth import MailAudience

OWN_DOING = "they did it themselves"
PASSED_ON = frozenset(
    {
        TemplateName.REQUESTER_MESSAGE,
        TemplateName.SIDE_ANSWER,
        TemplateName.SLA_WARNED,
        TemplateName.SLA_BREACHED,
        TemplateName.ESCALATED,
        TemplateName.RETURNED,
    }
)
"""What somebody has to act on: told to the next who can where its reader is inactive or missing."""


@dataclass(frozen=True, slots=True)
class Settlement:
    """The resolved recipient of a decision, or the reason why there is none."""

    address: str | None = None
    name: str | None = None
    dropped_because: str | None = None
    is_passed_on: bool = False
    """Whether somebody else is to be told instead."""


def audience_of(recipient: str) -> MailAudience:
    """Returns the audience that the Message-ID states, derived from the recipient key of a ledger row."""
    if recipient == REQUESTER.key:
        return MailAudience.REQUESTER
    if recipient.startswith(SIDE):
        return MailAudience.THIRD_PARTY
    return MailAudience.GUEST if recipient.startswith(PARTICIPANT) else MailAudience.STAFF


def settlement_of(row: Row[*tuple[Any, ...]]) -> Settlement:
    """Returns the recipient of a row whose ticket and person are known."""
    found = _settlement_of(row)
    if found.address is not None and not is_reachable(found.address):
        return Settlement(dropped_because="no mail can be sent to the address", is_passed_on=_is_passed_on(row))
    return found


def _is_passed_on(row: Row[*tuple[Any, ...]]) -> bool:
    """Whether a row falls back to another agent if its own recipient cannot be reached."""
    is_staff = audience_of(row.recipient) is MailAudience.STAFF
    if ADDITIONAL in row.facts:
        return False
    return is_staff and FOLLOWS not in row.facts and (row.template in PASSED_ON or row.team_id is not None)


def _settlement_of(row: Row[*tuple[Any, ...]]) -> Settlement:
    if row.erased_at is not None:
        return Settlement(dropped_because="the requester was erased")
    if row.is_void:
        return Settlement(dropped_because=WITHDRAWN)
    if row.recipient == REQUESTER.key:
        return _settlement_of_requester(row)
    if row.recipient.startswith(SIDE):
        return Settlement(row.facts[SENT_TO], "")
    if not row.alert and (_is_routing(row) or row.template == TemplateName.NEW_TICKET):
        return Settlement(dropped_because="who opened the ticket asked not to alert agents of it")
    if row.recipient.startswith(PARTICIPANT):
        return _settlement_of_participant(row)
    return _settlement_of_staff(row)


def _settlement_of_requester(row: Row[*tuple[Any, ...]]) -> Settlement:
    if row.template == TemplateName.ACKNOWLEDGEMENT and row.is_repeated_follow_up:
        return Settlement(dropped_because="a follow-up of the same ticket was acknowledged: this may be a mail loop")
    if row.template == TemplateName.MERGED and (reason := _needs_no_news_of_merge(row)):
        return Settlement(dropped_because=reason)
    return _unless_own(row, _requester_address(row), row.requester_name)


def _settlement_of_participant(row: Row[*tuple[Any, ...]]) -> Settlement:
    is_asked = row.template == TemplateName.INVITATION
    wanted = ParticipantState.INVITED if is_asked else ParticipantState.JOINED
    if row.participant_state != wanted.value:
        return Settlement(dropped_because=f"they have {row.participant_state}")
    if is_asked:
        return Settlement(row.participant_email, "")
    if row.template in COPIED and address_key(row.participant_email) in _requester_keys(row):
        return Settlement(dropped_because="they are told as the requester")
    return _unless_own(row, row.participant_email, row.participant_name)


def _unless_own(row: Row[*tuple[Any, ...]], address: str | None, name: str | None) -> Settlement:
    """Returns somebody outside as the recipient, unless the agent did it whose address theirs is."""
    if address is not None and row.author_email is not None and address_key(address) == address_key(row.author_email):
        return Settlement(dropped_because=OWN_DOING)
    return Settlement(address, name)


def _requester_keys(row: Row[*tuple[Any, ...]]) -> set[str]:
    return {address_key(one) for one in (row.requester_email, row.reply_email) if one is not None}


def _needs_no_news_of_merge(row: Row[*tuple[Any, ...]]) -> str | None:
    """Why a requester is not told under which number their ticket goes on; None if they are.

    Whoever opened both knows both numbers, and gets the answers in the thread of the other one.
    """
    if MERGED_INTO not in row.facts or row.is_target_erased:
        return "the requester of the other ticket was erased"
    if address_key(row.target_email or "") == address_key(row.requester_email or ""):
        return "both tickets are theirs"
    return None


def _requester_address(row: Row[*tuple[Any, ...]]) -> str | None:
    """Where the requester last wrote from; a link that was asked for goes to the address that asked."""
    is_asked_for = row.template in LINKS_ASKED_FOR
    address: str | None = row.facts.get(SENT_TO) if is_asked_for else row.reply_email
    main: str | None = row.requester_email
    return address or main


def _settlement_of_staff(row: Row[*tuple[Any, ...]]) -> Settlement:
    if row.agent_email is None:
        return Settlement(
            dropped_because="nobody is assigned, or the team has no lead", is_passed_on=_is_passed_on(row)
        )
    if not row.is_agent_active:
        return Settlement(dropped_because="the agent is not active", is_passed_on=_is_passed_on(row))
    if _is_own_doing(row):
        return Settlement(dropped_because=OWN_DOING)
    if not row.is_in_sight:
        return Settlement(dropped_because=OUT_OF_SIGHT)
    is_assignee = row.assignee_id == row.known_agent_id
    if FOLLOWS in row.facts and row.template == TemplateName.REQUESTER_MESSAGE and is_assignee:
        return Settlement(dropped_because="they are told of it as the assignee")
    return Settlement(row.agent_email, row.agent_name)


def _is_routing(row: Row[*tuple[Any, ...]]) -> bool:
    """Whether the row reports the first assignment of a new ticket rather than a later escalation."""
    given = row.facts.get(GIVEN_BY_SYSTEM)
    return row.template == TemplateName.ASSIGNED and row.triaged_seq is not None and given == row.triaged_seq + 1


def _is_own_doing(row: Row[*tuple[Any, ...]]) -> bool:
    """Whether the recipient is the author of the change: nobody is notified of their own action."""
    author = row.facts.get(AUTHOR_ADDRESS)
    is_author = author is not None and address_key(author) == address_key(row.agent_email)
    return is_author or row.facts.get(DONE_BY) == str(row.known_agent_id)
