"""Request models of merging and splitting tickets."""

from typing import Annotated

from pydantic import Field

from services.assignment.schemas.actions import ActionInput


class MergeInput(ActionInput):
    """The ticket that this one is to become part of."""

    into: Annotated[str, Field(min_length=1, max_length=64, examples=["100042"])]
    """Its id or number. One that is itself part of another leads to that."""
