"""What old clients are refused, in the statuses they know; the texts never repeat what was sent."""

from collections.abc import Mapping

from shared.kit.http.problems import Problem


def unsupported() -> Problem:
    """Any other address or method; the old help desk knew neither 404 nor 405."""
    return Problem(400, "url_not_supported", "URL not supported")


def key_required() -> Problem:
    """No key, one that does not work, or one that may not be used from here."""
    return Problem(401, "invalid_api_key", "Valid API key required")


def not_authorized() -> Problem:
    """The key is right and may do other things, not this."""
    return Problem(401, "scope_missing", "API key not authorized")


def unreadable(detail: str) -> Problem:
    """The body is not what the address says it is."""
    return Problem(400, "unreadable_body", f"Unexpected or invalid data received: {detail}")


def denied() -> Problem:
    """The requester, or the address they came from, is banned."""
    return Problem(403, "requester_banned", "Ticket Denied")


def not_settled() -> Problem:
    """The mail is kept, and what becomes of it is not known yet."""
    detail = "The mail is kept and has to wait; sent again, it is answered with its ticket and has no other effect"
    return Problem(503, "not_settled", detail, headers={"Retry-After": "60"})


class OldRequestNotValid(Exception):
    """What to correct, by field."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__("the request is not valid")
        self.errors = errors

    def as_problem(self, status: int) -> Problem:
        """All of it in one text, a line per field."""
        lines = [f"{field}: {detail}" for field, detail in self.errors.items()]
        return Problem(status, "invalid_input", "\n".join(["Unable to create new ticket:", *lines]))
