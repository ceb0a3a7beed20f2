"""The settings of the satisfaction survey: read with each use, changed in one audited transaction."""

from dataclasses import asdict, dataclass

from sqlalchemy import Row, Select, select, update
from sqlalchemy.dialects.postgresql import insert

from services.notification.models.csat import csat_survey
from shared.kit.administrator_passes import Administrator
from shared.kit.configuration_changes import record_change
from shared.kit.db import Session
from shared.kit.http.problems import Problem

ONLY_ROW = 1


@dataclass(frozen=True, slots=True)
class CsatSurvey:
    """Whether and how requesters are asked."""

    is_on: bool = False
    open_days: int = 14
    """How long a rating can be given and changed."""
    days_between: int = 7
    """For how long nobody who was asked is asked again."""
    version: int = 0


async def load_survey(session: Session) -> CsatSurvey:
    """Returns the settings in force."""
    row = (await session.execute(_settings())).one_or_none()
    return _survey(row) if row else CsatSurvey()


async def save_survey(
    session: Session, by: Administrator, wanted: CsatSurvey, expected_version: int | None
) -> CsatSurvey:
    """Replaces the settings; the `version` of `wanted` is not looked at.

    Raises Problem 412 if somebody else changed them after `expected_version`.
    """
    await session.execute(insert(csat_survey).values(id=ONLY_ROW).on_conflict_do_nothing())
    before = _survey((await session.execute(_settings().with_for_update())).one())
    if expected_version is not None and expected_version != before.version:
        raise Problem(412, "version_conflict", "the settings were changed since: read them again")
    after = CsatSurvey(wanted.is_on, wanted.open_days, wanted.days_between, before.version)
    if after == before:
        return before
    after = CsatSurvey(wanted.is_on, wanted.open_days, wanted.days_between, before.version + 1)
    await session.execute(update(csat_survey).where(csat_survey.c.id == ONLY_ROW).values(asdict(after)))
    subject = ("csat-survey", "csat-survey", "Satisfaction survey")
    await record_change(session, by, subject, _told(before), _told(after))
    return after


def _survey(row: Row[bool, int, int, int]) -> CsatSurvey:
    return CsatSurvey(row.is_on, row.open_days, row.days_between, row.version)


def _told(survey: CsatSurvey) -> dict[str, bool | int]:
    return {"is_on": survey.is_on, "open_days": survey.open_days, "days_between": survey.days_between}


def _settings() -> Select[bool, int, int, int]:
    columns = csat_survey.c
    query = select(columns.is_on, columns.open_days, columns.days_between, columns.version)
    return query.where(columns.id == ONLY_ROW)
