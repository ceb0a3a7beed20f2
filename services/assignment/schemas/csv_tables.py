"""CSV tables whose text cells no spreadsheet computes as formulas."""

from collections.abc import Iterable
from csv import writer
from io import StringIO
from typing import Any, Final

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""How a cell begins that a spreadsheet would compute."""
_IGNORED: Final = " \n\v\f\u00a0"
"""What spreadsheets skip before they look."""


def text_cell(text: str) -> str:
    """Returns the text as a cell that every spreadsheet shows as text."""
    return f"'{text}" if text.startswith(_FORMULA) or text.lstrip(_IGNORED).startswith(_FORMULA) else text


def csv_table(*rows: Iterable[Any]) -> str:
    """Returns rows as CSV lines (RFC 4180). Texts from outside must have gone through `text_cell`."""
    lines = StringIO()
    writer(lines).writerows(rows)
    return lines.getvalue()
