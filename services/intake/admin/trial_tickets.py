"""Submits a test ticket in the administrator's own name."""

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict

from services.intake.admin.administrators import Admin
from services.intake.admin.idempotent_commands import KeyedCall
from services.intake.api.route import ApiRoute, answer
from services.intake.commands.submit_ticket import Submission, SubmissionAnswer, submit_ticket_once
from services.intake.deps import State
from shared.contracts.events import Person
from shared.contracts.vocabulary import BodyFormat, Channel
from shared.kit.clock import utc_now
from shared.kit.http.idempotency import IdempotencyClaim
from shared.kit.http.inputs import Body, Email, Input, Line

router = APIRouter(prefix="/v1/admin", route_class=ApiRoute, tags=["topic administration"])


class TestTicket(Input):
    """What to ask for."""

    __test__ = False
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"name": "Ada", "email": "ada@bank.example", "subject": "A test", "body": "Does it arrive?"}]
        }
    )

    name: Line
    email: Email
    subject: Line
    body: Body


class TestTicketView(BaseModel):
    """What was made of it."""

    __test__ = False
    number: str


@router.post("/test-tickets", status_code=201, response_model=TestTicketView)
async def submit_test(_: Admin, call: KeyedCall, state: State, request: TestTicket) -> Response:
    """Submit a request as the portal would; it goes the way of every other."""
    submission = Submission(
        requester=Person(email=request.email, name=request.name),
        subject=request.subject,
        body=request.body,
        body_format=BodyFormat.TEXT,
        channel=Channel.PORTAL,
        received_at=utc_now(),
    )
    draft = TestTicketView(number=submission.number).model_dump_json()
    claim = IdempotencyClaim(call.scope, call.key, call.request_hash)
    number = await submit_ticket_once(state.database, claim, submission, SubmissionAnswer(draft, 201, ""), 0)
    if claim.stored:
        return claim.stored
    return answer(TestTicketView(number=number), 201)
