"""The bodies of the routes that change a ticket."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from shared.contracts.vocabulary import BodyFormat, CloseReason, HoldReason, Priority
from shared.kit.http.inputs import Body, Input, WrittenInstant

AttachmentIds = Annotated[tuple[UUID, ...], Field(max_length=20)]
"""Ids of files that the caller sent to `POST /v1/attachments` and has not used yet."""
Tag = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$", examples=["vip"])]


class ActionInput(Input):
    """Nothing but an optional comment, which is kept as a note."""

    comment: Body | None = None
    """Kept as a note about the action; agents only."""


class AssignInput(ActionInput):
    """Whom to give the ticket to."""

    agent_id: UUID


class TeamInput(ActionInput):
    """Which team gets the ticket."""

    team_id: UUID


class PrioritiseInput(ActionInput):
    """The new priority."""

    priority: Priority


class SetDueInput(ActionInput):
    """By when the ticket must be resolved."""

    due_at: Annotated[WrittenInstant, Field(examples=["2026-12-01T16:00:00Z"])]


class ChangePolicyInput(ActionInput):
    """The SLA policy to apply from now on."""

    policy_id: UUID


class HoldInput(ActionInput):
    """Which third party the ticket waits for."""

    reason: HoldReason


class CloseInput(ActionInput):
    """Why it is over."""

    reason: CloseReason


class MessageInput(ActionInput):
    """What to write."""

    body: Body
    body_format: BodyFormat = BodyFormat.TEXT
    attachments: AttachmentIds = ()


class TagsInput(ActionInput):
    """Tags to put on and to take off."""

    add: Annotated[tuple[Tag, ...], Field(max_length=20)] = ()
    remove: Annotated[tuple[Tag, ...], Field(max_length=20)] = ()
