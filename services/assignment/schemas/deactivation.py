"""What points to an agent, a team or an SLA policy, as an administrator sees before switching it off."""

from typing import Literal

from services.assignment.schemas.tickets import View

Obstacle = Literal["own_account", "fallback_needed", "default_needed", "reassign_needed"]


class AgentDeactivation(View):
    """What switching an agent off would do."""

    open_tickets: int
    """Neither resolved nor closed: they go back to their teams. Resolved ones do when they are reopened."""
    leads: list[str]
    """The slugs of teams they lead; other members hear of what a lead would have heard of."""
    policies: list[str]
    """The names of SLA policies whose ladders name them: what these hand over goes to the ticket's team."""
    refused_as: Obstacle | None
    """The code with which it would be refused."""


class TeamDeactivation(View):
    """What switching a team off would do. With anything but nothing here, it needs `reassign_to`."""

    open_tickets: int
    routing_rules: int
    policies: list[str]
    """The names of SLA policies whose ladders name the team; each gets a new version that names the other."""
    predecessors: list[str]
    """The slugs of inactive teams whose tickets it has."""
    refused_as: Obstacle | None
    """The code with which it would be refused without `reassign_to`."""


class PolicyDeactivation(View):
    """What switching an SLA policy off would do."""

    open_tickets: int
    """They keep it, and can be given another by `change-policy` or a roll-out."""
    routing_rules: int
    """New tickets of theirs get the default policy."""
    refused_as: Obstacle | None
    """The code with which it would be refused."""
