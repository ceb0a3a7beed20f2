"""Problems this service answers with; each says what to do instead."""

from collections.abc import Sequence

from shared.contracts.vocabulary import Permission
from shared.domain.permissions import Principal, only_reads
from shared.kit.http.problems import Problem


def not_signed_in() -> Problem:
    """No token, or one that does not work (any more)."""
    return Problem(
        401,
        "not_authenticated",
        "sign in at POST /v1/sessions, or take a service token, and send it as Authorization: Bearer",
        headers={"WWW-Authenticate": "Bearer"},
    )


def address_refused() -> Problem:
    """A service token that works, but not from where the request came."""
    return Problem(403, "address_refused", "this service token may not be used from your network address")


def people_only(what: str) -> Problem:
    """A program asks for what only an agent can do."""
    return Problem(409, "not_a_person", f"a program cannot {what}")


def wrong_credentials() -> Problem:
    """The same answer for an unknown address, a wrong password and an inactive account, against enumeration."""
    return Problem(401, "wrong_credentials", "the e-mail address or the password is wrong")


def second_factor_required(methods: Sequence[str]) -> Problem:
    """The password fits, and the agent has a second factor."""
    detail = "send `code` as well: the one that the authenticator app shows now, or a recovery code"
    return Problem(401, "second_factor_required", detail, methods=list(methods))


def wrong_second_factor() -> Problem:
    """A code that is wrong, or was used before, or a passkey that is not the agent's."""
    return Problem(401, "wrong_second_factor", "the code or passkey is wrong, or was used already; try the next code")


def sign_in_expired() -> Problem:
    """Too long between the first and the second step."""
    return Problem(401, "sign_in_expired", "the sign-in took too long; begin again with your password")


def second_factor_enrolment_required() -> Problem:
    """A role asks for a second factor, and the session rests on none."""
    return Problem(
        403,
        "second_factor_enrolment_required",
        "your role asks for a second factor: sign in to the desk in a browser and set one up under /account",
    )


def locked_out(retry_after: int) -> Problem:
    """Too many failed sign-ins."""
    return Problem(
        429,
        "locked_out",
        f"too many failed sign-ins; try again in {-(-retry_after // 60)} min",
        headers={"Retry-After": str(retry_after)},
    )


def not_permitted(permission: Permission) -> Problem:
    """The agent may see the ticket or the page, but not do this."""
    return Problem(
        403, "not_permitted", f"your role does not allow {permission.value} here", permission=permission.value
    )


def refuse_reader(principal: Principal) -> None:
    """Raises Problem 403 for an agent who may only read: what colleagues or others would get to see is not for them."""
    if only_reads(principal):
        raise Problem(403, "view_only", "your roles only let you read; this would put something before others")


def agents_only() -> Problem:
    """A program has no drafts, no presence and no settings."""
    return Problem(403, "agents_only", "only agents have this; a program does not")


def not_yours() -> Problem:
    """Only who wrote it may change it."""
    return Problem(403, "not_permitted", "only the agent who wrote it may change it")


def already_sent() -> Problem:
    """The same key came before, and its reply is out."""
    return Problem(409, "already_sent", "this reply went out already; it cannot be taken back any more")


def already_exists(pointer: str, detail: str) -> Problem:
    """A name that must be unique is taken."""
    return Problem(409, "already_exists", detail, errors=[{"pointer": pointer, "detail": detail}])


def already_assigned(name: str) -> Problem:
    """Only an unassigned ticket can be claimed."""
    return Problem(409, "already_assigned", f"{name} has this ticket; ask for it to be assigned to you instead")
