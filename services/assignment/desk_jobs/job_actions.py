"""What a background job can do to a ticket: every action of the API, and those on the children of an incident."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from services.assignment.commands.action_registry import ACTIONS, ActionHandler
from services.assignment.commands.tickets.incidents import attach_child, detach_child
from services.assignment.schemas.incidents import ParentInput

ATTACH: Final = "attach"
DETACH: Final = "detach"
JOB_ACTIONS: Mapping[str, ActionHandler] = MappingProxyType(
    {**ACTIONS, ATTACH: ActionHandler(ParentInput, attach_child), DETACH: ActionHandler(ParentInput, detach_child)}
)
