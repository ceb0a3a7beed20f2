"""Checks an edited template before it is saved; every finding names its line.

Templates are a language without loops of their own making: no macros, no arithmetic, no includes, and loops only over
the lists of an event. So the time and the output of a template are bounded by its length.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from jinja2 import TemplateSyntaxError, nodes

from services.notification.delivery.templates import TemplateName
from services.notification.mail_templates.content import (
    LISTS,
    PARTS,
    VARIABLES,
    Part,
    TemplateContent,
    facts_of,
    shipped_literals,
)
from services.notification.mail_templates.html_rules import html_findings
from services.notification.mail_templates.sandbox import FILTERS, environment

MOST_BODIES = 2
"""How often a template may quote the message."""
MOST_FINDINGS = 20
LONGEST_SEPARATOR = 20
"""Characters between the items of a list: text joined by text would grow with the product of both."""
_TRANSLATING = {"_": 1, "gettext": 1, "ngettext": 2}
"""How many literals each function of the shipped templates takes."""
_HARMLESS = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.Const, nodes.If, nodes.CondExpr, nodes.Compare),
    *(nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Keyword, nodes.List, nodes.Add, nodes.Sub),
)
_BODIES = frozenset({"body_html", "body_text"})
_TESTS = frozenset({"defined", "none", "true", "false", "string", "number"})


@dataclass(frozen=True, slots=True)
class TemplateFinding:
    """What is wrong, and where."""

    part: Part
    line: int
    detail: str

    @property
    def text(self) -> str:
        """The finding as one sentence."""
        return f"line {self.line}: {self.detail}"


def find_problems(name: TemplateName, content: TemplateContent) -> list[TemplateFinding]:
    """Returns what keeps the content from being saved; empty if nothing does."""
    found: list[TemplateFinding] = []
    for part in PARTS:
        found += [TemplateFinding(part, line, text) for line, text in _problems_in(name, part, content.part(part))]
    if not found and "\n" in content.subject.strip():
        found.append(TemplateFinding("subject", 2, "a subject has one line"))
    return sorted(found, key=lambda one: (PARTS.index(one.part), one.line))[:MOST_FINDINGS]


def _problems_in(name: TemplateName, part: Part, source: str) -> list[tuple[int, str]]:
    sandbox = environment(is_html=part == "html")
    try:
        tree = sandbox.parse(source)
        found = list(_SyntaxWalk(name, part).problems(tree))
        if not found:
            sandbox.from_string(source)
    except TemplateSyntaxError as error:
        return [(error.lineno, error.message or "this cannot be read")]
    except (RecursionError, SyntaxError, ValueError, MemoryError):
        return [(1, "too much is nested in each other")]
    return found + (html_findings(source) if part == "html" else [])


class _SyntaxWalk:
    """Walks the syntax tree of one part."""

    def __init__(self, name: TemplateName, part: Part) -> None:
        self._facts, self._literals = facts_of(name), shipped_literals(name)
        self._hidden = {"body_text"} if part == "html" else {"body_html"} if part == "text" else set(_BODIES)
        self._loops: list[str] = []
        self._bodies = 0

    def problems(self, node: nodes.Node) -> Iterator[tuple[int, str]]:
        """Yields what is wrong in a node and below it."""
        if isinstance(node, nodes.For):
            yield from self._in_loop(node)
        elif isinstance(node, nodes.Call):
            yield from self._in_call(node)
        elif isinstance(node, nodes.Getattr):
            yield from self._in_attribute(node)
        elif isinstance(node, nodes.Name):
            yield from self._in_name(node)
        elif isinstance(node, nodes.Filter | nodes.Test):
            allowed = FILTERS if isinstance(node, nodes.Filter) else _TESTS
            if node.name not in allowed:
                kind = "filter" if isinstance(node, nodes.Filter) else "test"
                yield node.lineno, f"the {kind} {node.name} is not allowed"
            if node.name == "join" and not _has_short_separator(node):
                yield node.lineno, f"join takes a separator of {LONGEST_SEPARATOR} characters at most, in quotes"
            yield from self._below(node)
        elif isinstance(node, _HARMLESS):
            yield from self._below(node)
        else:
            yield node.lineno, f"{type(node).__name__} is not allowed: only variables, filters, if and for are"

    def _below(self, node: nodes.Node) -> Iterator[tuple[int, str]]:
        for child in node.iter_child_nodes():
            yield from self.problems(child)

    def _in_loop(self, node: nodes.For) -> Iterator[tuple[int, str]]:
        fact = _fact_of(node.iter)
        if self._loops or node.recursive:
            yield node.lineno, "a loop within a loop is not allowed"
        elif not isinstance(node.target, nodes.Name) or fact not in LISTS & self._facts:
            lists = ", ".join(f"facts.{one}" for one in sorted(LISTS & self._facts)) or "nothing in this mail"
            yield node.lineno, f"a loop needs one name and one list; here the lists are: {lists}"
        else:
            self._loops.append(node.target.name)
            inside = [*node.body, *node.else_, *([node.test] if node.test else [])]
            for child in inside:
                yield from self.problems(child)
            self._loops.pop()

    def _in_call(self, node: nodes.Call) -> Iterator[tuple[int, str]]:
        called = node.node
        if _fact_of(node) is not None:
            yield from self._known(node, f"facts.{_fact_of(node)}")
            return
        needed = _TRANSLATING.get(called.name, 0) if isinstance(called, nodes.Name) else 0
        literals = [one.value for one in node.args[:needed] if isinstance(one, nodes.Const)]
        if not needed or len(literals) != needed or not self._literals.issuperset(literals):
            yield node.lineno, "functions cannot be called"
            return
        for child in [*node.args[needed:], *(one.value for one in node.kwargs)]:
            yield from self.problems(child)

    def _in_attribute(self, node: nodes.Getattr) -> Iterator[tuple[int, str]]:
        owner = node.node
        if not isinstance(owner, nodes.Name):
            yield node.lineno, f"the variable ….{node.attr} is unknown"
        elif not self._is_of_loop(owner.name, node.attr):
            yield from self._known(node, f"{owner.name}.{node.attr}")

    def _is_of_loop(self, owner: str, attribute: str) -> bool:
        is_position = owner == "loop" and bool(self._loops) and attribute in ("first", "last", "index")
        return is_position or (owner in self._loops and not attribute.startswith("_"))

    def _in_name(self, node: nodes.Name) -> Iterator[tuple[int, str]]:
        if node.name in self._loops:
            return
        yield from self._known(node, node.name)
        if node.name in _BODIES:
            self._bodies += 1
            if self._loops or self._bodies > MOST_BODIES:
                yield node.lineno, f"{node.name} may be used {MOST_BODIES} times, and not in a loop"

    def _known(self, node: nodes.Node, variable: str) -> Iterator[tuple[int, str]]:
        owner, _, fact = variable.partition(".")
        is_known = fact in self._facts if owner == "facts" else variable in VARIABLES - self._hidden
        if not is_known:
            yield node.lineno, f"the variable {variable} is unknown"


def _has_short_separator(join: nodes.Filter | nodes.Test) -> bool:
    """Whether a filter `join` has no argument but a short literal."""
    if join.kwargs or join.dyn_args or join.dyn_kwargs or len(join.args) > 1:
        return False
    texts = [one.value for one in join.args if isinstance(one, nodes.Const) and isinstance(one.value, str)]
    return len(texts) == len(join.args) and all(len(text) <= LONGEST_SEPARATOR for text in texts)


def _fact_of(node: nodes.Node) -> str | None:
    """Returns the fact that `facts.name` or `facts.get("name", …)` reads; None for anything else."""
    if isinstance(node, nodes.Getattr) and isinstance(node.node, nodes.Name) and node.node.name == "facts":
        return node.attr
    if isinstance(node, nodes.Call) and _fact_of(node.node) == "get" and 1 <= len(node.args) <= 2 and not node.kwargs:
        first, *rest = node.args
        is_plain = all(isinstance(one, nodes.Const) or (isinstance(one, nodes.List) and not one.items) for one in rest)
        if isinstance(first, nodes.Const) and isinstance(first.value, str) and is_plain:
            return first.value
    return None
