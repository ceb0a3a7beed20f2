"""Which HTML an edited template may have: checked with line numbers before saving, and sanitised before each use.

Jinja is replaced by stand-ins meanwhile: statements by comments, which may stand anywhere, expressions by words.
"""

import re
from collections.abc import Iterator
from html.parser import HTMLParser

import nh3

TAGS = frozenset(
    {
        *("a", "b", "blockquote", "br", "code", "div", "em", "h2", "h3", "h4", "hr", "i", "li", "ol", "p", "pre", "s"),
        *("small", "span", "strong", "sub", "sup", "table", "tbody", "td", "th", "thead", "tr", "u", "ul"),
    }
)
VOID = frozenset({"br", "hr"})
ATTRIBUTES = {
    "*": {"class", "dir", "lang", "role"},
    "a": {"href", "title"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
}
SCHEMES = frozenset({"http", "https", "mailto", "tel"})
DEEPEST = 40
"""Tags within tags: whatever reads the mail may recurse."""
LINKS = frozenset({"link", "desk"})
"""Variables that are addresses of ours: the only ones that may stand inside a tag, in `href`."""
_JINJA = re.compile(r"{%.*?%}|{{.*?}}|{#.*?#}", re.DOTALL)
_STAND_IN = re.compile(r"<!--jinja-(\d+)-->|jinja-(\d+)-")
_OWN_COMMENT = re.compile(r"jinja-\d+")
_SCHEME = re.compile(r"\s*([a-zA-Z][\w+.-]*)\s*:")


class StandIns:
    """A source whose Jinja is replaced by stand-ins of the same number of lines."""

    def __init__(self, source: str) -> None:
        self._kept: list[str] = []
        self.html = _JINJA.sub(self._stand_in, source.replace("jinja-", "jinja&#45;"))

    def _stand_in(self, found: re.Match[str]) -> str:
        self._kept.append(found[0])
        number, lines = len(self._kept) - 1, "\n" * found[0].count("\n")
        return (f"jinja-{number}-" if found[0].startswith("{{") else f"<!--jinja-{number}-->") + lines

    def restored(self, html: str) -> str:
        """Puts the Jinja back."""
        return _STAND_IN.sub(lambda found: self._kept[int(found[1] or found[2])], html)

    def is_safe_value(self, attribute: str, value: str) -> bool:
        """Whether an attribute's value holds no Jinja, but in `href` after one of our own addresses."""
        found = [self._kept[int(one[1] or one[2])] for one in _STAND_IN.finditer(value)]
        if not found:
            return "jinja-" not in value
        is_at_start = value.startswith("jinja-") and all(one.startswith("{{") for one in found)
        return attribute == "href" and is_at_start and found[0].strip("{} \n-+") in LINKS


def html_findings(source: str) -> list[tuple[int, str]]:
    """Returns what must not be in the HTML, each with its line."""
    checker = _Checker(StandIns(source))
    checker.feed(checker.stand_ins.html)
    checker.close()
    return checker.findings


def sanitised(source: str) -> str:
    """Returns the source with only the allowed tags, attributes and addresses in it."""
    stand_ins = StandIns(source)

    def kept(_tag: str, attribute: str, value: str) -> str | None:
        return value if stand_ins.is_safe_value(attribute, value) else None

    clean = nh3.clean(
        stand_ins.html,
        tags=set(TAGS),
        attributes={tag: set(names) for tag, names in ATTRIBUTES.items()},
        attribute_filter=kept,
        url_schemes=set(SCHEMES),
        strip_comments=False,
        link_rel=None,
    )
    return stand_ins.restored(clean)


class _Checker(HTMLParser):
    def __init__(self, stand_ins: StandIns) -> None:
        super().__init__(convert_charrefs=True)
        self.stand_ins = stand_ins
        self.findings: list[tuple[int, str]] = []
        self._depth = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.findings += [(self.getpos()[0], text) for text in self._wrong_in(tag, attrs)]
        if tag not in VOID:
            self._depth += 1
            if self._depth == DEEPEST + 1:
                self.findings.append((self.getpos()[0], f"more than {DEEPEST} tags within each other"))

    def handle_endtag(self, tag: str) -> None:
        self._depth -= tag not in VOID and self._depth > 0

    def handle_comment(self, data: str) -> None:
        if not _OWN_COMMENT.fullmatch(data):
            self.findings.append((self.getpos()[0], "comments are not allowed: write {# … #}"))

    def handle_decl(self, decl: str) -> None:  # noqa: ARG002 - the signature of the parser
        self.findings.append((self.getpos()[0], "write what stands inside the mail's body only"))

    def _wrong_in(self, tag: str, attrs: list[tuple[str, str | None]]) -> Iterator[str]:
        if tag not in TAGS:
            yield f"the tag <{tag}> is not allowed"
            return
        for name, value in attrs:
            if name not in ATTRIBUTES["*"] | ATTRIBUTES.get(tag, set()):
                yield f"the attribute {name} is not allowed in <{tag}>"
            elif not self.stand_ins.is_safe_value(name, value or ""):
                yield 'a variable may stand inside a tag only as href="{{ link }}" or href="{{ desk }}…"'
            elif name == "href" and (scheme := _SCHEME.match(value or "")) and scheme[1].lower() not in SCHEMES:
                yield f"links may not begin with {scheme[1]}:"
