"""The satisfaction survey: whether requesters are asked after a resolution, and how."""

from typing import Annotated

from fastapi import Response
from pydantic import ConfigDict, Field

from services.notification.csat.survey import CsatSurvey, load_survey, save_survey
from services.notification.deps import By, State
from shared.contracts.described_models import DescribedModel
from shared.kit.http.etags import IfMatch, etag_of, revision_of
from shared.kit.http.inputs import Flag, Input, Whole
from shared.kit.http.routers import HttpRouter

router = HttpRouter(prefix="/csat-survey", tags=["csat"])


class CsatSurveyInput(Input):
    """The settings."""

    is_on: Flag
    open_days: Annotated[Whole, Field(ge=1, le=90)] = 14
    """How long a rating can be given and changed, in days."""
    days_between: Annotated[Whole, Field(ge=0, le=365)] = 7
    """For how many days nobody who was asked is asked again; 0 asks after each resolution."""


class CsatSurveyView(DescribedModel):
    """The settings in force."""

    model_config = ConfigDict(from_attributes=True)

    is_on: bool
    open_days: int
    days_between: int
    version: int
    """Counts the changes; what `If-Match` compares."""


@router.get("")
async def read_survey(state: State, response: Response) -> CsatSurveyView:
    """Returns the settings of the survey."""
    async with state.database.begin() as session:
        survey = await load_survey(session)
    response.headers["ETag"] = etag_of(survey.version)
    return CsatSurveyView.model_validate(survey)


@router.put("")
async def replace_survey(
    state: State, by: By, body: CsatSurveyInput, response: Response, if_match: IfMatch = None
) -> CsatSurveyView:
    """Replaces the settings; questions that were asked already stay open as long as they were going to."""
    wanted = CsatSurvey(body.is_on, body.open_days, body.days_between)
    async with state.database.begin() as session:
        survey = await save_survey(session, by, wanted, revision_of(if_match))
    response.headers["ETag"] = etag_of(survey.version)
    return CsatSurveyView.model_validate(survey)
