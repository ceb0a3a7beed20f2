"""What was made of texts a moment ago, up to so many characters."""

from collections import OrderedDict
from threading import Lock

_OVERHEAD = 256
"""What remembering a text costs besides its characters, about."""


class TextCache:
    """From one text to another; the oldest are forgotten. May be used from several threads."""

    def __init__(self, characters: int) -> None:
        self._most = characters
        self._held = 0
        self._texts: OrderedDict[str, str] = OrderedDict()
        self._lock = Lock()

    def find(self, text: str) -> str | None:
        """What was made of a text, if it is still known."""
        with self._lock:
            found = self._texts.get(text)
            if found is not None:
                self._texts.move_to_end(text)
            return found

    def keep(self, text: str, made: str) -> None:
        """Remembers what was made of a text."""
        with self._lock:
            if text not in self._texts:
                self._texts[text] = made
                self._held += _OVERHEAD + len(text) + len(made)
            while self._held > self._most:
                oldest, of_it = self._texts.popitem(last=False)
                self._held -= _OVERHEAD + len(oldest) + len(of_it)
