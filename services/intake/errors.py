"""What intake refuses, in words that say what to change."""

from shared.kit.http.problems import Problem, invalid

ASK_FOR_KEY = {"WWW-Authenticate": 'Bearer realm="intake"'}


def unknown_key() -> Problem:
    """No key, or one that does not work."""
    return Problem(401, "invalid_api_key", "send a valid API key as Authorization: Bearer hd_...", headers=ASK_FOR_KEY)


def address_refused() -> Problem:
    """The key is right but is not used from one of its addresses."""
    return Problem(403, "address_not_allowed", "this API key may not be used from your address")


def scope_missing(scope: str) -> Problem:
    """The key may do other things, not this."""
    return Problem(403, "scope_missing", f"this API key lacks the scope {scope!r}", scope=scope)


def unknown_topic() -> Problem:
    """The topic is neither the slug nor the id of an active one."""
    return invalid("/topic", "there is no such topic; GET /v1/topics lists them")


def too_large_to_carry() -> Problem:
    """Escaped for the bus, the text outgrows what one event can carry."""
    return invalid("/body", "has too many control characters to be carried; shorten it")
