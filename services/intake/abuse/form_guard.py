"""Holds back the portal's forms that no person can have filled in, while forms come faster than usual.

There is no puzzle for the browser to solve: `altcha` would check one on the server, but a page needs its widget to
solve it, and a program that fills in forms solves it as well. The hidden field, the time a form was on a page, and the
limits per address and requester are what remains of it.
"""

import time
from collections.abc import Mapping
from hashlib import sha256

from itsdangerous import BadSignature, TimestampSigner

from services.intake.abuse.load_detector import LoadDetector
from services.intake.settings import IntakeSettings
from shared.kit.http.client_address import network_of

MADE = "made"
"""The hidden field that says when the form was shown, signed."""
HASTY_COUNTS = 2
MAX_AGE = 86_400
"""Seconds a page with a form may be open before it counts as in a hurry again."""
EVERYBODY = "*"


class FormGuard:
    """Decides whether a form may pass: under load only one that was on a page for as long as a person needs."""

    def __init__(self, settings: IntakeSettings) -> None:
        self._min_seconds = settings.form_min_seconds
        secret = settings.link_secret.get_secret_value()
        self._clock = TimestampSigner(secret, salt="form-made", digest_method=sha256)
        self._networks = LoadDetector(settings.calm_per_minute)
        self._site = LoadDetector(settings.site_calm_per_minute)

    def issue_stamp(self, form_id: str) -> str:
        """The value of the hidden field of a form that is shown now."""
        return self._clock.sign(form_id).decode()

    def allows(self, values: Mapping[str, str], form_id: str, address: str) -> bool:
        """Counts the form, and says whether it may pass."""
        is_hasty, network = self._is_hasty(values.get(MADE, ""), form_id), network_of(address)
        self._networks.count(network, HASTY_COUNTS if is_hasty else 1)
        self._site.count(EVERYBODY)
        return not (is_hasty and (self._site.is_high(EVERYBODY) or self._networks.is_high(network)))

    def _is_hasty(self, made: str, form_id: str) -> bool:
        if not self._min_seconds:
            return False
        try:
            signed, at = self._clock.unsign(made, max_age=MAX_AGE, return_timestamp=True)
        except BadSignature:
            return True
        return signed.decode() != form_id or time.time() - at.timestamp() < self._min_seconds
