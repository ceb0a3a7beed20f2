"""Projects what requesters were asked and answered about resolutions."""

from typing import Any, Final

from sqlalchemy.dialects.postgresql import Insert, insert

from services.assignment.models import SatisfactionRating, table_of
from shared.contracts.events import CsatAsked, CsatRated

RATINGS: Final = table_of(SatisfactionRating)
_ANSWER: Final = ("score", "comment", "rated_at", "version")


def _ratings() -> Insert:
    """Newest first or last: a question never overwrites an answer, nor an older answer a newer one."""
    new = insert(RATINGS)
    return new.on_conflict_do_update(
        index_elements=["ticket_id", "resolution"],
        set_={name: new.excluded[name] for name in _ANSWER},
        where=RATINGS.c.version < new.excluded.version,
    )


WRITE_RATINGS: Final = _ratings()


def rating_row(event: CsatAsked | CsatRated) -> dict[str, Any]:
    """Returns the row that an event makes; a question is an answer's version 0."""
    answer = event if isinstance(event, CsatRated) else None
    return {
        "ticket_id": event.ticket_id,
        "resolution": event.resolution,
        "team_id": event.team_id,
        "agent_id": event.agent_id,
        "asked_at": event.asked_at,
        "score": answer.score if answer else None,
        "comment": answer.comment if answer else None,
        "rated_at": answer.rated_at if answer else None,
        "version": answer.version if answer else 0,
    }


def rating_rows_in_order(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """In the one order in which rows are locked, older versions first."""
    return sorted(rows, key=lambda row: (row["ticket_id"], row["resolution"], row["version"]))
