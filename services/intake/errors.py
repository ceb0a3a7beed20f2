"""What intake refuses, in words that say what to change."""

from collections.abc import Mapping

from shared.kit.http.problems import Problem, invalid, pointer_to

ASK_FOR_KEY = {"WWW-Authenticate": 'Bearer realm="intake"'}


def unknown_key() -> Problem:
    """No key, or one that does not work."""
    return Problem(401, "invalid_api_key", "send a valid API key as Authorization: Bearer hd_...", headers=ASK_FOR_KEY)


def address_refused() -> Problem:
    """The key is right but is not used from one of its addresses."""
    return Problem(403, "address_not_allowed", "this API key may not be used from your address")


def scope_missing(*scopes: str) -> Problem:
    """The key may do other things, not this, for which it needs one of the scopes."""
    wanted = " or ".join(scopes)
    return Problem(403, "scope_missing", f"this API key lacks the scope {wanted}", scope=wanted)


def unknown_topic() -> Problem:
    """The topic is neither the slug nor the id of an active one."""
    return invalid("/topic", "there is no such topic; GET /v1/topics lists them")


def wrong_fields(refused: Mapping[str, str]) -> Problem:
    """Answers that the topic's form does not take, by the field's name."""
    errors = [{"pointer": pointer_to("fields", name), "detail": detail} for name, detail in refused.items()]
    return Problem(422, "invalid_input", f"{errors[0]['pointer']}: {errors[0]['detail']}", errors=errors[:50])


def lists_without_form() -> Problem:
    """Free fields hold single values: only a form says what a list means."""
    return invalid("/fields", "use text, numbers, true, false or null; lists are for topics whose form asks for them")


def too_many_topics(limit: int) -> Problem:
    """People choose from a list that they can read."""
    return Problem(409, "too_many_topics", f"there are {limit} topics already; replace one that is no longer used")


def already_taken(pointer: str, detail: str) -> Problem:
    """Another one has this name or number."""
    return Problem(409, "already_exists", detail, errors=[{"pointer": pointer, "detail": detail}])


def changed_since(version: int) -> Problem:
    """Someone else changed it in the meantime."""
    return Problem(
        412, "version_conflict", f"it was changed in the meantime and is now at version {version}; read it again"
    )


def storage_away() -> Problem:
    """Nothing can be kept or read at the moment."""
    return Problem(
        503, "storage_unavailable", "files cannot be kept at the moment; try again soon", headers={"Retry-After": "5"}
    )


def erased() -> Problem:
    """What people wrote on the ticket is gone for good, and nothing can be added."""
    return Problem(410, "ticket_erased", "what was written on this ticket was erased; open a new one")
