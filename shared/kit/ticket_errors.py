"""Errors of the workflow client, in a module of their own because the client takes long to import."""


class TicketsUnavailable(Exception):
    """Temporal or its workers did not answer in time. The same command may safely be sent again."""


class TicketsOutOfReach(TicketsUnavailable):
    """There is no connection to Temporal, so the command was not even sent."""


class TicketStuck(TicketsUnavailable):
    """Temporal answers, this ticket's workflow does not, or fails at the command."""
