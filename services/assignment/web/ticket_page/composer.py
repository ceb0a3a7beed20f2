"""The composer: drafts with their files, and replies that can still be undone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from services.assignment.commands.conversation.agent_files import list_files
from services.assignment.commands.conversation.drafts import DraftOwner, find_drafts
from services.assignment.models import AgentFile
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.ticket_page.held_replies import list_held
from services.assignment.schemas.composing import DraftView, HeldReplyView
from services.assignment.schemas.tickets import TicketView
from shared.kit.db import Session

NO_DRAFT = DraftView(kind="reply")


@dataclass(frozen=True, slots=True)
class ComposerState:
    """Drafts and held replies shown when the page opens."""

    drafts: Mapping[str, DraftView] = field(default_factory=dict)
    files: Mapping[UUID, AgentFile] = field(default_factory=dict)
    held: Sequence[HeldReplyView] = ()

    def draft(self, kind: str) -> DraftView:
        """The draft of a kind, or an empty one."""
        return self.drafts.get(kind, NO_DRAFT)

    def files_of(self, kind: str) -> list[AgentFile]:
        """The draft's files that still exist."""
        return [self.files[one] for one in self.draft(kind).attachments if one in self.files]


async def get_composer(session: Session, caller: Caller, ticket: TicketView) -> ComposerState:
    """Reads the caller's drafts on the ticket and all held replies."""
    drafts = await find_drafts(session, DraftOwner(caller.agent_id, ticket.id))
    wanted = [one for draft in drafts.values() for one in draft.attachments]
    files = {row.id: row for row in await list_files(session, caller.agent_id, wanted)}
    return ComposerState(drafts, files, await list_held(session, ticket.id))
