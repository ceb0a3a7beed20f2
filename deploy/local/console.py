"""The only place that writes to the terminal: one stream in which every line says who speaks."""

import sys

from rich.console import Console as RichConsole
from rich.text import Text

WIDTH = 13
_COLOURS = {
    "everdesk": "bold",
    "postgres": "blue",
    "nats": "cyan",
    "temporal": "magenta",
    "mail": "yellow",
    "worker": "green",
    "intake": "bright_blue",
    "assignment": "bright_magenta",
    "notification": "bright_cyan",
}


class Console:
    """Colours only on a terminal, and never with NO_COLOR (rich sees to both)."""

    def __init__(self) -> None:
        self._out = RichConsole(highlight=False, markup=False, soft_wrap=True)
        self._errors = RichConsole(stderr=True, highlight=False, markup=False, soft_wrap=True)
        self._is_closed = False

    def say(self, line: str, style: str = "") -> None:
        self._write("everdesk", Text(line, style=style))

    def relay(self, name: str, line: str) -> None:
        """A child's own line, with its colours if we may show any."""
        self._write(name, Text.from_ansi(line))

    def plain(self, line: str = "", style: str = "") -> None:
        self._print(Text(line, style=style))

    def fail(self, paragraph: str) -> None:
        self._errors.print()
        self._errors.print(Text(paragraph, style="red"), soft_wrap=False)
        self._errors.print()

    def _write(self, name: str, text: Text) -> None:
        prefix = Text(f"{name:<{WIDTH}}| ", style=_COLOURS.get(name, ""))
        self._print(prefix + text)

    def _print(self, text: Text) -> None:
        if self._is_closed:
            return
        try:
            self._out.print(text)
            self._out.file.flush()
        except BrokenPipeError:  # the reader went away; the stack need not
            self._is_closed = True
            sys.stdout = None
        except OSError:  # written to a file on a disk that is full: later lines may fit
            return
