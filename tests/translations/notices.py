"""Finds notices and refusals in page code that are not translated: bare strings where people read them."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.translations.literals import LETTERS

KINDS = frozenset({"success", "info", "warning", "danger"})


def untranslated_notices(path: Path) -> list[str]:
    """Returns the strings and constants of a module that a notice or a field's refusal shows without `gettext`."""
    tree = ast.parse(path.read_text("utf-8"))
    return [ast.unparse(text) for node in ast.walk(tree) for text in _shown(node) if _is_bare(text)]


def _shown(node: ast.AST) -> Iterator[ast.expr]:
    if isinstance(node, ast.Tuple) and len(node.elts) == 2:
        kind, text = node.elts
        if isinstance(kind, ast.Constant) and kind.value in KINDS:
            yield text
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "refuse_field":
        yield from node.args[1:2]


def _is_bare(text: ast.expr) -> bool:
    named = text.value if isinstance(text, ast.Subscript) else text
    if isinstance(named, ast.Name) and named.id.isupper():
        return True
    parts = text.values if isinstance(text, ast.JoinedStr) else [text]
    return any(isinstance(one, ast.Constant) and LETTERS.search(str(one.value)) for one in parts)
