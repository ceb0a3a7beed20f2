"""New passwords: long enough, not among the common ones, and not made of what everybody knows of the agent."""

import asyncio
from collections.abc import Sequence

from shared.kit.auth import PASSWORD_LENGTH, hash_password
from shared.kit.http.problems import invalid

OURS = ("everdesk", "helpdesk", "support")
LEAST_SCORE = 2
"""zxcvbn's: 0 and 1 fall to a million guesses, which a lock-out slows down and a stolen table does not."""


async def hash_new_password(password: str, known: Sequence[str]) -> str:
    """The password's hash. `known` are the agent's address and name. Raises Problem 422 for one easily guessed."""
    warning = await asyncio.to_thread(_weakness, password, known)
    if warning is not None:
        raise invalid("/password", f"is too easy to guess: {warning}; use several words that do not belong together")
    return await hash_password(password)


def _weakness(password: str, known: Sequence[str]) -> str | None:
    """What makes the password weak, in words; None for one that is good enough."""
    from zxcvbn import zxcvbn  # its word lists are large, and hardly any process ever sets a password

    words = [part for text in known for part in (text, *text.replace("@", " ").replace(".", " ").split())]
    judged = zxcvbn(password, user_inputs=[*OURS, *words], max_length=PASSWORD_LENGTH[1])
    if judged["score"] >= LEAST_SCORE and password.casefold() not in {word.casefold() for word in words}:
        return None
    warning = judged["feedback"]["warning"] or "it is common or follows a pattern"
    return str(warning).rstrip(".").replace('"', "“", 1).replace('"', "”")
