"""Reasons why a sign-in at the provider is refused: one for the log, one shown to the person."""

from collections.abc import Mapping
from types import MappingProxyType

AGAIN = "That sign-in did not come back as it should. Start it again."
WORDS: Mapping[str, str] = MappingProxyType(
    {
        "off": "Single sign-on is not set up here.",
        "away": "The identity provider does not answer. Try again in a moment.",
        "denied": "The identity provider did not sign you in.",
        "unverified": "The identity provider does not vouch for your e-mail address. Ask your administrator.",
        "other_domain": "This identity provider does not speak for your e-mail address. Use another way to sign in.",
        "unknown": "You have no account here. Ask an administrator to add you.",
        "no_role": "None of your groups has a role here. Ask an administrator.",
        "inactive": "Your account here is deactivated. Ask an administrator.",
        "last_way_in": (
            "You are the only administrator whose password works while the identity provider is away, and signing in"
            " there would end it. Use your password, or give another administrator one first."
        ),
        "linked": "Your address belongs to an account of somebody else at the identity provider. Ask an administrator.",
        "too_many_groups": "You are in too many groups for the identity provider to name. Ask your administrator.",
    }
)


class SignOnRefused(Exception):
    """`reason` is a key of `WORDS`, or one that is told in general words."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason)
        self.reason, self.detail = reason, detail

    @property
    def words(self) -> str:
        """For the person."""
        return WORDS.get(self.reason, AGAIN)
