"""NATS's own protocol, as far as a proxy must know it to lose single acknowledgements."""

from dataclasses import dataclass, field

END = b"\r\n"
WITH_PAYLOAD = (b"PUB", b"HPUB", b"MSG", b"HMSG")
ACK_SUBJECT = b"$JS.ACK."
_DELIVERED, _DELIVERED_LONG, _LONG = 4, 6, 11
"""Places in an acknowledgement's subject; with an account and a domain in front it has more parts."""


@dataclass
class Losses:
    """What is to be lost on the way, and what was."""

    acks: bool = False
    """Acknowledgements of events that a consumer has handled."""
    publish_acks: bool = False
    """The server's own, of events that it has stored."""
    acks_lost: int = 0
    publish_acks_lost: int = 0
    redelivered: int = 0
    """Events that the server delivered again."""


@dataclass
class Frames:
    """One direction of one connection: bytes in, those of them that get through out."""

    losses: Losses
    _rest: bytes = field(default=b"")

    def feed(self, chunk: bytes) -> bytes:
        """Whole frames that are not lost; what is incomplete waits."""
        self._rest += chunk
        passed: list[bytes] = []
        while frame := self._next():
            if not self._is_lost(frame):
                passed.append(frame)
        return b"".join(passed)

    def _next(self) -> bytes:
        line, found, _ = self._rest.partition(END)
        if not found:
            return b""
        length = len(line) + len(END)
        words = line.split()
        if words and words[0].upper() in WITH_PAYLOAD:
            length += int(words[-1]) + len(END)
        if len(self._rest) < length:
            return b""
        frame, self._rest = self._rest[:length], self._rest[length:]
        return frame

    def _is_lost(self, frame: bytes) -> bool:
        line, _, payload = frame.partition(END)
        words = line.split()
        verb = words[0].upper() if words else b""
        if verb in (b"PUB", b"HPUB"):
            is_lost = self.losses.acks and words[1].startswith(ACK_SUBJECT)
            self.losses.acks_lost += is_lost
            return is_lost
        if verb in (b"MSG", b"HMSG"):
            self.losses.redelivered += any(_is_again(word) for word in words)
            is_lost = self.losses.publish_acks and payload.startswith(b'{"stream"') and b'"seq"' in payload
            self.losses.publish_acks_lost += is_lost
            return is_lost
        return False


def _is_again(word: bytes) -> bool:
    """Whether it is the reply subject of a message that was delivered before."""
    if not word.startswith(ACK_SUBJECT):
        return False
    parts = word.split(b".")
    return int(parts[_DELIVERED_LONG if len(parts) >= _LONG else _DELIVERED]) > 1
