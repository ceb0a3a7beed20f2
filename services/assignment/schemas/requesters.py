"""Request and response models of requesters: people with addresses, notes, tickets and an organisation."""

from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field

from services.assignment.schemas.tickets import View
from shared.contracts.base import Instant
from shared.contracts.vocabulary import Priority, Status
from shared.kit.addresses import address_key
from shared.kit.http.inputs import Body, Email, Flag, Input, Line, Phone, Whole

MOST_ADDRESSES = 20
Address = Annotated[Email, AfterValidator(address_key)]
Addresses = Annotated[tuple[Address, ...], Field(min_length=1, max_length=MOST_ADDRESSES)]
MAX_NOTE = 10_000


class NewRequester(Input):
    """A person to be known before they write."""

    name: Line
    emails: Addresses
    """Their addresses; the first is the primary one."""
    phone: Phone | None = None
    organisation_id: UUID | None = None
    """Left out: the organisation that has the domain of an address."""
    is_manager: Flag = False


class RequesterPatch(Input):
    """What to change."""

    name: Line | None = None
    emails: Addresses | None = None
    """All their addresses, the primary one first. One that is left out belongs to nobody until somebody uses it."""
    phone: Phone | None = None
    organisation_id: UUID | None = None
    is_manager: Flag | None = None
    """Whether they speak for their organisation."""
    version: Whole | None = None
    """The version you saw; another one is refused."""


class NewRequesterNote(Input):
    """What colleagues should know about a person."""

    body: Annotated[Body, Field(max_length=MAX_NOTE)]


class MergeRequester(Input):
    """Who is the same person."""

    into: UUID
    """The requester who stays, with the addresses and notes of both."""


class OrganisationRef(View):
    """A person's organisation."""

    id: UUID
    name: str
    is_by_hand: bool
    """Whether somebody put them there; otherwise the domain of their address did."""


class RequesterAddressView(View):
    """One address of a person."""

    email: str
    is_primary: bool
    added_at: Instant


class RequesterSummary(View):
    """A person in a list."""

    id: UUID
    name: str
    email: str
    """The primary address; empty for somebody without any."""
    addresses: int
    organisation: OrganisationRef | None = None


class OrganisationMember(RequesterSummary):
    """A person in the list of an organisation."""

    is_manager: bool
    """Whether they speak for it."""


class RequesterProfile(View):
    """A person with everything the desk keeps about them."""

    id: UUID
    name: str
    emails: list[str]
    """The primary one first."""
    addresses: list[RequesterAddressView]
    phone: str | None
    organisation: OrganisationRef | None = None
    is_manager: bool
    open_tickets: int
    """Tickets neither resolved nor closed that you may see."""
    merged: list[RequesterSummary] = Field(default_factory=list)
    """People who turned out to be this one; each merge can be undone."""
    merged_into: UUID | None = None
    """Who this one turned out to be: that one has the addresses and notes."""
    version: int
    created_at: Instant
    updated_at: Instant


class RequesterNoteView(View):
    """A note about a person."""

    id: UUID
    author_id: UUID
    author_name: str
    body: str
    created_at: Instant


class RequesterTicket(View):
    """A ticket in the list of a person or an organisation."""

    id: UUID
    number: str
    subject: str
    status: Status
    priority: Priority
    requester_name: str
    requester_email: str
    created_at: Instant
    updated_at: Instant


class MergePreview(View):
    """What a merge would do. Nothing has been changed."""

    requester: RequesterSummary
    """The one that would end."""
    into: RequesterSummary
    """The one that would stay."""
    addresses: list[str]
    """What would move: mail from these, and the tickets sent from them, belong to the other person from then on."""
    tickets: int
    open_tickets: int
    notes: int


class RequesterAudit(View):
    """What the audit log keeps of a change: no name and no address, for the log is never erased."""

    id: UUID
    title: str = "Requester"
    addresses: int
    organisation_id: UUID | None
    is_manager: bool
    merged_into: UUID | None
