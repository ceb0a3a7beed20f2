"""The notification rules: which audience is told of which event by which channel."""

from typing import Annotated

from fastapi import Response
from pydantic import ConfigDict, Field

from services.notification.delivery.channels import DeliveryChannel
from services.notification.deps import By, State
from services.notification.rules.matrix import (
    Cell,
    Matrix,
    RecipientAudience,
    RuleEvent,
    default_of,
    offered_cells,
)
from services.notification.rules.repository import OFFERED, load_matrix, save_matrix
from shared.contracts.described_models import DescribedModel
from shared.kit.http.etags import IfMatch, etag_of, revision_of
from shared.kit.http.inputs import Flag, Input
from shared.kit.http.problems import invalid
from shared.kit.http.routers import HttpRouter

router = HttpRouter(prefix="/rules", tags=["rules"])


class RuleInput(Input):
    """Whether an audience is told of an event by a channel."""

    event: RuleEvent
    audience: RecipientAudience
    channel: DeliveryChannel
    enabled: Flag

    @property
    def cell(self) -> Cell:
        """The cell of the matrix."""
        return self.event, self.audience, self.channel


class RuleView(DescribedModel):
    """One cell of the matrix."""

    event: RuleEvent
    audience: RecipientAudience
    channel: DeliveryChannel
    enabled: bool
    default: bool
    """Its value where nobody changed it."""


class RulesInput(Input):
    """The cells that are set; every other cell goes back to its default. An empty list resets all."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"rules": [{"event": "sla_breached", "audience": "lead", "channel": "mail", "enabled": True}]}]
        }
    )

    rules: Annotated[list[RuleInput], Field(max_length=500)]


class MatrixView(DescribedModel):
    """The whole matrix."""

    version: int
    """Counts the changes; what `If-Match` compares."""
    rules: list[RuleView]

    @classmethod
    def of(cls, matrix: Matrix) -> "MatrixView":
        """The view of a matrix."""
        return cls(
            version=matrix.version,
            rules=[
                RuleView(
                    event=cell[0],
                    audience=cell[1],
                    channel=cell[2],
                    enabled=matrix.is_on(cell),
                    default=default_of(cell),
                )
                for cell in offered_cells()
            ],
        )


@router.get("")
async def read_rules(state: State, response: Response) -> MatrixView:
    """Returns every cell of the matrix."""
    async with state.database.begin() as session:
        matrix = await load_matrix(session)
    response.headers["ETag"] = etag_of(matrix.version)
    return MatrixView.of(matrix)


@router.put("")
async def replace_rules(
    state: State, by: By, body: RulesInput, response: Response, if_match: IfMatch = None
) -> MatrixView:
    """Replaces what differs from the defaults; what is under way already is not changed."""
    for position, rule in enumerate(body.rules):
        if rule.cell not in OFFERED:
            raise invalid(f"/rules/{position}", "this audience cannot be told of this event by this channel")
    async with state.database.begin() as session:
        wanted = {rule.cell: rule.enabled for rule in body.rules}
        matrix = await save_matrix(session, by, wanted, revision_of(if_match))
    response.headers["ETag"] = etag_of(matrix.version)
    return MatrixView.of(matrix)
