"""Detects the language of a short text by script and by frequent words.

There is no library for it: the good ones bring a model, native code that parses untrusted text and tens of megabytes.
Rules need a dozen or two languages, deterministic results, and less than a millisecond.
"""

import re
from collections import Counter
from collections.abc import Collection, Sequence

FEWEST_HITS = 2
"""Minimum number of frequent words for a language to be detected."""

_FREQUENT = {
    "en": "the and is are was to of in it i my you your not have has can please with this that for on we be there when"
    " what why how do does cannot been from",
    "de": "der die das und ist nicht ich ein eine mein meine sie wir mit zu den dem von auf für es im kann keine kein"
    " bitte habe haben wird wurde auch sich seit bei nach",
    "fr": "le la les et est je ne pas un une mon ma mes vous nous des du de avec pour dans sur il ce cette que qui"
    " depuis bonjour merci plus ai au aux sont",
    "es": "el la los las y es no un una mi mis su por para con en que se lo de del está estoy tengo puedo hola gracias"
    " desde como cuando pero muy al",
    "it": "il lo la gli le e è non un una mio mia per con che di del della in sono ho posso ciao grazie questo quando"
    " anche da dal alla nel si più",
    "pt": "o a os as e é não um uma meu minha por para com que em do da no na estou tenho posso olá obrigado quando"
    " mas muito está ao foi uma dos",
    "nl": "de het een en is niet ik mijn u wij we met te van op voor dat dit kan geen heb heeft wordt ook aan bij"
    " graag sinds naar zijn er maar",
    "sv": "och är inte jag en ett min mitt vi med att för på det den som kan har av till om när från ni hej tack"
    " sedan men också",
    "da": "og er ikke jeg en et min mit vi med at for på det den som kan har af til om når fra hej tak siden men også"
    " efter blevet",
    "no": "og er ikke jeg en et min mitt vi med å for på det den som kan har av til om når fra hei takk siden men også"
    " etter blitt",
    "fi": "ja on ei en minä olen se että kun mutta voi voin miten miksi hei kiitos tämä myös ole oli sitä vain niin"
    " jos kanssa",
    "pl": "i w na nie jest się że z do to mam mój moja proszę dziękuję jak dla od po ale czy przez są być może"
    " kiedy już",
    "cs": "a je se na ne v že z do to mám můj moje prosím děkuji jak pro od po ale nebo jsou být může když už jsem"
    " není",
    "tr": "ve bir bu için ile değil ben benim mi da de ne neden var yok lütfen merhaba teşekkürler olarak daha"
    " çok gibi ama sonra",
}
_LANGUAGES_OF: dict[str, tuple[str, ...]] = {}
for _code, _words in _FREQUENT.items():
    for _word in set(_words.split()):
        _LANGUAGES_OF[_word] = (*_LANGUAGES_OF.get(_word, ()), _code)

_SCRIPTS = (
    ("ja", re.compile(r"[\u3040-\u30ff]")),
    ("ko", re.compile(r"[\uac00-\ud7af]")),
    ("zh", re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")),
    ("th", re.compile(r"[\u0e00-\u0e7f]")),
    ("el", re.compile(r"[\u0370-\u03ff]")),
    ("he", re.compile(r"[\u0590-\u05ff]")),
    ("hi", re.compile(r"[\u0900-\u097f]")),
    ("ar", re.compile(r"[\u0600-\u06ff]")),
    ("ru", re.compile(r"[\u0400-\u04ff]")),
)
_LETTER = re.compile(r"[^\W\d_]")
_PERSIAN, _UKRAINIAN, _BULGARIAN = re.compile("[پچژگ]"), re.compile("[іїєґ]"), re.compile("ъ")

LANGUAGES: Collection[str] = frozenset((*_FREQUENT, *(code for code, _ in _SCRIPTS), "fa", "uk", "bg"))
"""All codes that `language_of` can return."""


def language_of(text: str, words: Sequence[str]) -> str | None:
    """The ISO 639-1 code of a text's language, given its words in folded case; None if unknown."""
    letters = len(_LETTER.findall(text))
    if not letters:
        return None
    for code, script in _SCRIPTS:
        share = len(script.findall(text)) / letters
        if share > (0.1 if code == "ja" else 0.4):
            return _within_script(code, text)
    return _by_words(words)


def _within_script(code: str, text: str) -> str:
    folded = text.casefold()
    if code == "ar" and _PERSIAN.search(folded):
        return "fa"
    if code == "ru" and _UKRAINIAN.search(folded):
        return "uk"
    if code == "ru" and len(_BULGARIAN.findall(folded)) * 60 > len(folded):
        return "bg"
    return code


def _by_words(words: Sequence[str]) -> str | None:
    """The language with the most frequent words in the text; a word shared by several languages has less weight."""
    points: Counter[str] = Counter()
    hits: Counter[str] = Counter()
    for word in words:
        codes = _LANGUAGES_OF.get(word, ())
        for code in codes:
            points[code] += 12 // len(codes)
            hits[code] += 1
    best = points.most_common(2)
    if not best or hits[best[0][0]] < FEWEST_HITS:
        return None
    if len(best) == 2 and best[0][1] == best[1][1]:
        return None
    return best[0][0]
