"""Personal data over HTTP: how much there is of a person, all of it, and its end."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Response
from fastapi.responses import StreamingResponse
from pydantic import ConfigDict, Field

from services.intake.admin.administrators import Admin
from services.intake.api.route import ApiRoute, answer
from services.intake.app_state import AppState
from services.intake.deps import State
from services.intake.privacy.export_response import export_response
from services.intake.privacy.requester_erasure import ErasureConfirmation, RequesterEraser
from services.intake.privacy.subject_data import SubjectData, find_email, find_subject_data
from shared.contracts.described_models import DescribedModel
from shared.kit.http.app import canonical
from shared.kit.http.idempotency import IdempotencyKey, fingerprint, idempotent_transaction
from shared.kit.http.inputs import Input
from shared.kit.requester_ids import RequesterIds

MAX_TICKETS = 10_000_000
Who = Annotated[
    str,
    Path(max_length=254, pattern=r"^[^\x00-\x1f\x7f/]+$", description="The requester's e-mail address or id"),
]
router = APIRouter(prefix="/v1/admin/requesters", route_class=ApiRoute, tags=["personal data"])
ZIP = {"application/zip": {"schema": {"type": "string", "format": "binary"}}}


class RequesterData(DescribedModel):
    """How much is held of a person: numbers, nothing they wrote."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "requester_id": "5f0b1a54-8d6e-6f0a-9c3e-2b1d4c5e6f70",
                    "tickets": 3,
                    "open_tickets": 1,
                    "took_part_in": 2,
                    "third_party_on": 1,
                    "messages": 14,
                    "files": 4,
                    "mails": 9,
                }
            ]
        },
    )

    requester_id: UUID
    """Stands for the address without telling it; the event `requester.erased` names it."""
    tickets: int
    open_tickets: int
    """Those that are not closed."""
    took_part_in: int
    """Others' tickets with this person in copy, or with something they wrote."""
    third_party_on: int
    """Others' tickets beside which agents and this person wrote to each other."""
    messages: int
    files: int
    mails: int

    @classmethod
    def of(cls, found: SubjectData) -> "RequesterData":
        """The numbers of what was found."""
        return cls(
            requester_id=found.requester_id,
            tickets=len(found.ticket_ids),
            open_tickets=len(found.open_ids),
            took_part_in=len(found.took_part_in),
            third_party_on=len(found.third_party_on),
            messages=found.messages,
            files=found.files,
            mails=found.mails,
        )


class EraseRequester(Input):
    """The confirmation: what whoever erases knows of what goes."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"tickets": 3, "close_open": True}]})

    tickets: Annotated[int, Field(ge=0, le=MAX_TICKETS)]
    """How many tickets the person has, as read before: a guard against the wrong address."""
    close_open: bool = False
    """Whether tickets that are not closed are withdrawn first; otherwise they are a reason to refuse."""


@router.get("/{who}")
async def read(who: Who, _: Admin, state: State) -> RequesterData:
    """How much is held of a person. Read this before erasing."""
    return RequesterData.of(await _found(state, who))


@router.get("/{who}/export", response_class=StreamingResponse, responses={200: {"content": ZIP}})
async def export(who: Who, _: Admin, state: State) -> Response:
    """All that is held of a person, as a ZIP: pages to read, JSON, files, and mails as they came."""
    return export_response(state.exporter, await _found(state, who))


@router.post("/{who}/erase", response_model=RequesterData)
async def erase(
    who: Who, admin: Admin, state: State, request: EraseRequester, idempotency_key: IdempotencyKey = None
) -> Response:
    """Erase a person in every service, for good. Answers with what there was; statuses and verdicts stay."""
    ids = RequesterIds(state.settings)
    requester_id = _id_in(who) or ids.of(who)
    scope, content = f"{admin.key_id}:erase:{requester_id}", fingerprint(canonical(request.model_dump(mode="json")))
    async with idempotent_transaction(state.database, scope, idempotency_key, content) as guarded:
        if guarded.stored:
            return guarded.stored
        found = await _found(state, who)
        eraser = RequesterEraser(state.database, state.tickets, state.links, ids)
        erased = await eraser.erase(found.email, ErasureConfirmation(request.tickets, close_open=request.close_open))
        body = RequesterData.of(erased).model_dump_json().encode()
        await guarded.store(body)
    return answer(body)


async def _found(state: AppState, who: str) -> SubjectData:
    """Raises Problem 404."""
    ids = RequesterIds(state.settings)
    async with state.database.begin() as session:
        requester_id = _id_in(who)
        email = await find_email(session, ids, requester_id) if requester_id else who
        return await find_subject_data(session, ids, email)


def _id_in(who: str) -> UUID | None:
    try:
        return UUID(who)
    except ValueError:
        return None
