"""Whether lines that begin with `>` were pasted by the writer: an error message, a log, a prompt; pure."""

# ruff: noqa: RUF001 - punctuation of other scripts is meant

import re
from collections.abc import Sequence

from services.intake.mail.parsing.lines import MailLine, Mark

_MACHINE = re.compile(
    r"(?i:(?<!\w)(?:error|err|exception|warning|warn|fatal|failed|failure|traceback|errno|denied|not found|panic|"
    r"timeout|fehler|erreur|avertissement|errore|błąd|ошибка|chyba|hata|virhe|fel|feil|fejl|エラー|错误|錯誤|오류)"
    r"(?!\w).{0,3}[:：#0-9(\[])|\d{1,2}:\d{2}:\d{2}[ .,]|^\s*(?:[$#%]\s\S|[A-Z]:\\|/\w+/|at \S+\(|\{|\[|<\w|0x\w)|"
    r"[\w.]+(?:Exception|Error)\b"
)


def is_pasted(lines: Sequence[MailLine], start: int, end: int) -> bool:
    """Whether a quote that nobody is named for is what the writer wants to show, and not what they answer."""
    if any(line.mark is Mark.QUOTE for line in lines[start:end]):
        return False
    texts = [line.text.lstrip(" \t>") for line in lines[start:end] if line.text.strip(" \t>")]
    above = lines[start - 1] if start else None
    is_adjacent = above is not None and not above.is_blank and lines[start].is_quote
    before = above.text.rstrip() if above is not None else ""
    if len(texts) <= 1 or before.endswith((":", "：", "…", "->")):
        return True
    return is_adjacent or any(_MACHINE.search(text[:300]) for text in texts[:50])
