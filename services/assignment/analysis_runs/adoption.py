"""Makes the rules of a what-if the newest version of policy and calendar, so that they can be rolled out."""

from services.assignment.app_state import AppState
from services.assignment.commands.configuration.calendars import change_calendar
from services.assignment.commands.configuration.policies import change_policy
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.administration.configuration import (
    get_calendar_view,
    get_current_policy,
    policy_view,
)
from services.assignment.schemas.analysis_runs import WhatIfRunView
from services.assignment.schemas.desk import JobState
from services.assignment.schemas.rules import CalendarPatch, CalendarView, PolicyPatch, PolicyView
from shared.contracts.calendars import BusinessCalendar
from shared.contracts.policies import SlaPolicy
from shared.kit.http.problems import Problem

POLICY_FIELDS = frozenset(SlaPolicy.model_fields)
CALENDAR_FIELDS = frozenset(BusinessCalendar.model_fields)


async def adopt(context: AppState, caller: Caller, run: WhatIfRunView) -> PolicyView:
    """Returns the policy as it is now; a version is made of what differs only.

    Raises Problem 404 for a policy that is gone, and 409 for a run that is not done, replaces no single policy, or is
    older than the newest version of what it would change.
    """
    replaces = run.report.replaces if run.report else None
    if run.state is not JobState.DONE or replaces is None:
        raise Problem(409, "nothing_to_roll_out", "this what-if is not done, or replaces no single policy")
    asked, slug = run.question, run.question.policy.calendar
    async with context.database.begin() as session:
        policy = policy_view(await get_current_policy(session, replaces))
        calendar = await get_calendar_view(session, slug)
    if asked.calendar is not None and not _is_same_calendar(asked.calendar, calendar):
        _refuse_newer(run, calendar)
        patch = CalendarPatch.model_validate_json(asked.calendar.model_dump_json())
        await change_calendar(context, caller, slug, patch)
    if _body_of(policy) == _body_of(asked.policy):
        return policy
    _refuse_newer(run, policy)
    body = PolicyPatch.model_validate_json(asked.policy.model_dump_json(include=set(POLICY_FIELDS)))
    return await change_policy(context, caller, policy.id, body)


def _refuse_newer(run: WhatIfRunView, newest: PolicyView | CalendarView) -> None:
    if newest.created_at > run.created_at:
        detail = f"{newest.name} was changed after this what-if was asked: ask it again with the newest version"
        raise Problem(409, "newer_version", detail)


def _is_same_calendar(asked: BusinessCalendar, stored: CalendarView) -> bool:
    return asked.model_dump(include=set(CALENDAR_FIELDS)) == stored.model_dump(include=set(CALENDAR_FIELDS))


def _body_of(policy: SlaPolicy) -> object:
    return policy.model_dump(include=set(POLICY_FIELDS))
