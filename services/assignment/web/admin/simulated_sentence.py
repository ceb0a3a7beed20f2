"""The answer of a simulation for one ticket as one sentence: who would get it, and what settled it."""

from services.assignment.schemas.simulations import SimulatedDecision
from shared.contracts.vocabulary import DecidedBy
from shared.kit.i18n.messages import gettext


def simulated_sentence(told: SimulatedDecision) -> str:
    """Whole sentences for the verb, so that each language may order its words."""
    why = _why(told)
    if told.offered_to is not None:
        return gettext(
            "It would be offered to %(agent)s in %(team)s: %(why)s.",
            agent=told.offered_to.name,
            team=told.team.name,
            why=why,
        )
    if told.agent is not None:
        return gettext(
            "%(agent)s in %(team)s would get it: %(why)s.", agent=told.agent.name, team=told.team.name, why=why
        )
    return gettext("It would wait in %(team)s for somebody: %(why)s.", team=told.team.name, why=why)


def _why(told: SimulatedDecision) -> str:
    """What settled it, and among how many."""
    fit = sum(one.out is None for one in told.candidates) + told.more_available
    considered = len(told.candidates) + told.more_available + told.more_out
    match told.decided_by:
        case DecidedBy.RULE:
            return gettext("a routing rule names them")
        case DecidedBy.MANUAL:
            return gettext("the team deals out its tickets by hand")
        case DecidedBy.ONLY_CANDIDATE:
            why = gettext("the only one available")
        case DecidedBy.LONGEST_IDLE:
            why = gettext("longest since their last ticket, of %(num)s available", num=fit)
        case DecidedBy.WEIGHT:
            why = gettext("next by weight, of %(num)s available", num=fit)
        case DecidedBy.PREFERRED_SKILL:
            why = gettext("best in the preferred skills, of %(num)s available", num=fit)
        case _ if fit:
            why = gettext("fewest open tickets, of %(num)s available", num=fit)
        case _ if not told.candidates:
            return gettext("nobody works in the team")
        case _ if considered == 1:
            why = gettext("its only agent is not available")
        case _:
            why = gettext("none of its %(num)s agents is available", num=considered)
    return f"{why} ({_skills(told)})" if told.required_skills else why


def _skills(told: SimulatedDecision) -> str:
    return gettext("with the skills %(names)s", names=", ".join(told.required_skills))
