"""What a form of the portal must show before it is taken: that its sender is not in a hurry, or has done some work."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from itsdangerous import BadSignature, TimestampSigner
from sqlalchemy import text

from services.intake.abuse.challenge import Challenges
from services.intake.abuse.pressure import Pressure
from services.intake.settings import ChallengeMode, IntakeSettings
from shared.kit.db import Database
from shared.kit.http.client_address import network_of

MADE = "made"
CHALLENGE = "challenge"
ANSWER = "challenge_answer"
"""The names of the hidden fields."""
HASTY_COUNTS = 2
MAX_AGE = 86_400
"""Seconds a page with a form may be open before it counts as in a hurry again."""
EVERYBODY = "*"
SPEND = text("""
insert into answers (scope, key, request_hash, status, body)
values ('challenge', :challenge, :content, 204, '') on conflict (scope, key) do update set status = 204
returning request_hash
""")
"""Who comes second with a challenge learns what it was spent on; housekeeping forgets it with other answers."""


@dataclass(frozen=True, slots=True)
class GuardFields:
    """The hidden fields of a form."""

    made: str
    """When, signed."""
    challenge: str
    """Empty where nothing is asked."""
    is_over_soon: bool
    """Whether it helps to wait a minute."""


class FormGuard:
    """Decides whether a form needs an answered challenge, and whether it has one."""

    def __init__(self, database: Database, settings: IntakeSettings) -> None:
        secret = settings.link_secret.get_secret_value()
        self._database = database
        self._mode = settings.challenge
        self._min_seconds = settings.form_min_seconds
        self._challenges = Challenges(secret, settings.challenge_bits)
        self._clock = TimestampSigner(secret, salt="form-made", digest_method=sha256)
        self._households = Pressure(settings.calm_per_minute)
        self._site = Pressure(settings.site_calm_per_minute)

    def fields_of(self, form_id: str, address: str) -> GuardFields:
        """What to put into a form that is shown to an address."""
        challenge = self._challenges.make() if self._is_asked(address) else ""
        return GuardFields(self._clock.sign(form_id).decode(), challenge, self._mode is ChallengeMode.UNDER_LOAD)

    async def lets_pass(self, values: Mapping[str, str], form_id: str, address: str, content: str) -> bool:
        """Counts the form, and says whether it may pass. `content` identifies it: sent twice, it passes twice.

        A challenge is spent by the first form that passes with it.
        """
        times = HASTY_COUNTS if self._is_hasty(values.get(MADE, ""), form_id) else 1
        self._households.note(network_of(address), times)
        self._site.note(EVERYBODY)
        if not self._is_asked(address):
            return True
        challenge = values.get(CHALLENGE, "")
        return self._challenges.is_answered(challenge, values.get(ANSWER, "")) and await self._spend(challenge, content)

    def _is_asked(self, address: str) -> bool:
        if self._mode is not ChallengeMode.UNDER_LOAD:
            return self._mode is ChallengeMode.ALWAYS
        return self._site.is_high(EVERYBODY) or self._households.is_high(network_of(address))

    def _is_hasty(self, made: str, form_id: str) -> bool:
        if not self._min_seconds:
            return False
        try:
            signed, at = self._clock.unsign(made, max_age=MAX_AGE, return_timestamp=True)
        except BadSignature:
            return True
        return signed.decode() != form_id or time.time() - at.timestamp() < self._min_seconds

    async def _spend(self, challenge: str, content: str) -> bool:
        """Durable, so that it holds in every process."""
        digest = sha256(content.encode()).digest()
        async with self._database.begin() as session:
            spent_on = await session.scalar(SPEND, {"challenge": challenge, "content": digest})
        return bytes(spent_on or b"") == digest
