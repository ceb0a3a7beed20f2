"""What is raised while ticket workflows cannot be reached: apart from their client, which takes long to import."""


class TicketsUnavailable(Exception):
    """Temporal or its workers did not answer in time. The same command may safely be sent again."""


class TicketsOutOfReach(TicketsUnavailable):
    """There is no connection to Temporal, so the command was not even sent."""


class TicketStuck(TicketsUnavailable):
    """Temporal answers, this ticket's workflow does not, or fails at the command."""
