"""What a requester is refused for whom they are or how much they asked, in words."""

from shared.kit.http.problems import Problem

BANNED = "requester_banned"
TOO_MANY_OPEN = "too_many_open_tickets"


def banned(status: int) -> Problem:
    """The requester, their domain or their network is on the ban list."""
    return Problem(status, BANNED, "requests from this requester are not accepted")


def too_many_open(limit: int) -> Problem:
    """As many as are allowed wait for an answer already."""
    detail = f"this requester has {limit} or more open tickets: write on one of them, or wait until one is solved"
    return Problem(422, TOO_MANY_OPEN, detail)
