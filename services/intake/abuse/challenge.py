"""A little work for a browser: cheap to set, cheap to check, and dear to whoever needs very many answers.

The answer is a number which, hashed after the challenge, gives so many leading zero bits. `challenge.js` finds it.
"""

import hashlib
import re
import secrets

from itsdangerous import BadSignature, TimestampSigner

MAX_AGE = 1800
"""Seconds a challenge can be answered: long enough to write a request."""
_CHALLENGE = re.compile(r"[\w.-]{20,120}")
_ANSWER = re.compile(r"[0-9]{1,12}")


class Challenges:
    """Sets and checks challenges; nothing is kept for one that is not answered."""

    def __init__(self, secret: str, bits: int) -> None:
        self._signer = TimestampSigner(secret, salt="form-challenge", digest_method=hashlib.sha256)
        self._bits = bits

    def make(self) -> str:
        """A new challenge: its difficulty, something random, the time, and our signature."""
        return self._signer.sign(f"{self._bits}-{secrets.token_hex(12)}").decode()

    def is_answered(self, challenge: str, answer: str) -> bool:
        """Whether it is one of ours, young enough, and solved. Takes two hashes, whatever is sent."""
        if not _CHALLENGE.fullmatch(challenge) or not _ANSWER.fullmatch(answer):
            return False
        try:
            self._signer.unsign(challenge, max_age=MAX_AGE)
        except BadSignature:
            return False
        return zero_bits(challenge, answer) >= bits_of(challenge)


def bits_of(challenge: str) -> int:
    """How many zero bits a challenge asks for."""
    return int(challenge.partition("-")[0])


def zero_bits(challenge: str, answer: str) -> int:
    """With how many zero bits the hash of challenge and answer begins."""
    digest = hashlib.sha256(f"{challenge}:{answer}".encode()).digest()
    return 256 - int.from_bytes(digest, "big").bit_length()


def solve(challenge: str) -> str:
    """The answer, found as a browser would: for tests, and for programs that use the form."""
    bits, answer = bits_of(challenge), 0
    while zero_bits(challenge, str(answer)) < bits:
        answer += 1
    return str(answer)
