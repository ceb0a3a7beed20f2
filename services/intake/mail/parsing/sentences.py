"""Whether a line is part of what somebody says, or a name, a post, an address under it."""

# ruff: noqa: RUF001 - letters of other alphabets that look like Latin ones are meant

import re

MAX_WORDS = 14
_STEP = re.compile(r"^\s{0,8}(?:\d{1,2}[.)]\s|\d{1,2}:\d{2}|[a-z][.)]\s|(?:[-•+]\s?|\*\s)[^\W\d_])")
_POSTSCRIPT = re.compile(
    r"^\W{0,3}(?:p\.?\s?){1,3}s\.?(?:\W|$)|^\W{0,3}(?:nb|n\.b\.|ps|edit|update|note|nota|hinweis|nachtrag|з\.ы\.|追伸)\b",
    re.IGNORECASE,
)
_END = re.compile(r"[.!?…。！？]+[\"')\]»]{0,2}$")
_INNER_END = re.compile(r"[^\W\d_]{3,}[.!?]\s+[^\W\d_]+\s+[^\W\d_]+")
_ABBREVIATION = re.compile(r"(?:^|[\s(&])(?:[^\W\d_]|[A-ZÀ-ÞА-Я][\w]{0,4}|\S{0,4}\.\S{1,4}|e\.\s?v)\.$")
_SPEAKING = re.compile(
    r"(?<![\w'])(?:i|i'm|i've|we|it|you|can't|cannot|don't|doesn't|didn't|won't|not|ich|wir|es|nicht|kein|keine|bitte|"
    r"je|nous|vous|ne|pas|yo|nosotros|usted|eu|nós|você|não|io|noi|non|ik|wij|niet|jag|jeg|vi|inte|ikke|nie|jest|"
    r"я|мы|вы|не|ми|ви|minä|ei|ben|değil)(?![\w'-])",
    re.IGNORECASE,
)
_TROUBLE = re.compile(
    r"(?<!\w)(?:fail\w*|crash\w*|broken?|breaks|errors?|missing|works?|problem\w*|urgent|fehler\w*|\w*fehler|"
    r"funktioniert|geht|defekt|kaputt|störung|dringend|panne|marche|problème\w*|erreur|urgente?|puedo|funciona|roto|"
    r"order|invoice|serial|bestell\w+|rechnung\w*|auftrag\w*|kundennummer|seriennummer|commande|facture|pedido|factura|"
    r"ordine|fattura|zamówienie|faktura|заказ|счёт|erro|errore|funzion\w+|rotto|werkt|kapot|działa|"
    r"błąd|не работает|ошибка|nefunguje|chyba|fungerar|virker)(?!\w)",
    re.IGNORECASE,
)
"""What people write to a help desk for."""
_ASKING = re.compile(
    r"^\W{0,3}(?:please|pls|bitte|s'il vous|svp|merci de|por favor|per favore|prosím|proszę)\s", re.IGNORECASE
)
_WIDE_SPEECH = re.compile(r"[ぁ-ん]{2,}|[、]|(?:니다|세요|어요|아요|까요)")
_CONTACT = re.compile(
    r"[^\s<>@]{1,64}@[^\s<>@]{3,}|https?://|www\.|(?<!\w)\+?\(?\d[\d\s()/.\-]{6,}\d|(?<!\w)(?:\w[\w-]{1,40}\.){1,3}"
    r"(?:com|org|net|de|fr|es|it|nl|pl|ru|cz|se|dk|no|fi|eu|io|uk|ch|at|br|pt|jp|cn|kr|example|app|dev)(?!\w)"
)
_KEY = re.compile(
    r"^\s{0,3}(?:tel|phone|mobile?|mob|cell|fax|e-?mail|mail|web|www|url|skype|twitter|telefon|handy|mobil|tél|téléphone|"
    r"teléfono|telefono|telefone|tel\.|t|m|f|e|w|p|fon|sitz|hrb|ust-?id\S{0,5}|geschäftsführer\w*|vat|siret|тел)\b[.:]{1,2}",
    re.IGNORECASE,
)
_PARTICLES = frozenset({
    *("von", "van", "der", "den", "de", "da", "di", "du", "del", "della", "la", "le", "les", "los", "el", "do", "dos"),
    *("y", "e", "et", "und", "and", "of", "for", "für", "zu", "zur", "im", "in", "&", "at", "the", "bei", "av", "af"),
    *("og", "och", "pro", "i", "w", "na", "для", "и", "en", "voor"),
})  # fmt: skip


def is_sentence(line: str) -> bool:
    """Whether somebody says something with it."""
    text = line.strip()[:1000]
    words = text.split()
    if not words:
        return False
    if _STEP.match(text) or _POSTSCRIPT.match(text) or text.endswith((":", "：", "?", "？")):
        return True
    rest = _CONTACT.sub(" ", text)
    if len(words) >= 2 and (_TROUBLE.search(rest) or _ASKING.match(text)):
        return True
    if is_contact(text) and len(words) <= MAX_WORDS:
        return bool(_INNER_END.search(text)) or (len(words) >= 4 and _SPEAKING.search(text) is not None)
    if len(words) > MAX_WORDS or len(text) > 160 or _INNER_END.search(text) or _WIDE_SPEECH.search(text):
        return True
    if len(words) >= 3 and _SPEAKING.search(text):
        return True
    is_ended = _END.search(text) is not None and not _ABBREVIATION.search(text)
    return is_ended and (len(words) >= 2 or not text.isascii())


def is_prose(line: str) -> bool:
    """Whether most of several words are written small, as in a sentence and not in a name or a title."""
    words = [word for word in re.findall(r"[^\W\d_]+", line[:300]) if word.casefold() not in _PARTICLES]
    small = [word for word in words if word[:1].islower()]
    return len(line.split()) >= 3 and len(words) >= 2 and 2 * len(small) >= len(words) and not is_contact(line)


def is_contact(line: str) -> bool:
    """Whether an address, a number to call, or the like stands in it, and little else."""
    found = _KEY.match(line) is not None or _CONTACT.search(line[:300]) is not None
    rest = _CONTACT.sub(" ", line[:300])
    return found and len(re.findall(r"[^\W\d_]{3,}", rest)) <= 6


def is_named(line: str) -> bool:
    """Whether it could be a name, a post or a company: few words, written large as names are."""
    words = line.strip(" \t*_|,").split()
    letters = [word for word in words if word[:1].isalpha() and word.casefold().strip(".,") not in _PARTICLES]
    if not letters or len(words) > 7 or is_sentence(line):
        return False
    return all(word[:1].isupper() or (not word.isascii() and not word[:1].islower()) for word in letters)
