"""Request models of merging and splitting tickets."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from services.assignment.schemas.actions import ActionInput
from services.assignment.schemas.tickets import View
from shared.kit.http.inputs import Line


class MergeInput(ActionInput):
    """The ticket that this one is to become part of."""

    into: Annotated[str, Field(min_length=1, max_length=64, examples=["100042"])]
    """Its id or number. One that is itself part of another leads to that."""


class SplitInput(ActionInput):
    """The message that is to become a ticket of its own."""

    message_id: UUID
    subject: Line | None = None
    """Of the new ticket; this one's if none is given."""


class SplitView(View):
    """A ticket that is being opened: it is there as soon as it has been announced."""

    id: UUID
    message_id: UUID
    split_from: UUID
