"""Finds the sentences with which the source refuses something."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

RAISING = frozenset({"Problem", "ValueError", "invalid", "not_found"})
"""Classes and functions whose arguments are such sentences, besides classes with a name that ends on one of these:"""
ENDINGS = ("Refused", "Refusal", "Problem", "Conflict", "Invalid", "NotMerged", "NotRevertible", "Merged")
VALUE = "{}"
"""Stands for a value in a sentence."""


def raised_sentences(path: Path) -> Iterator[str]:
    """Yields the sentences that a module refuses with, with `{}` for values; single words are codes."""
    tree = ast.parse(path.read_text("utf-8"))
    constants = dict(_constants(tree))
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = _name(node.func)
        if name not in RAISING and not name.endswith(ENDINGS):
            continue
        given = (*node.args, *(keyword.value for keyword in node.keywords))
        texts = [_text(constants.get(one.id, one) if isinstance(one, ast.Name) else one) for one in given]
        for text in texts:
            if text and name == "not_found":
                yield f"there is no such {text}"
            elif text and " " in text.strip():
                yield text


def _constants(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """Yields the names that stand for something in the whole module."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            yield node.targets[0].id, node.value


def _name(called: ast.expr) -> str:
    if isinstance(called, ast.Name):
        return called.id
    return called.attr if isinstance(called, ast.Attribute) else ""


def _text(node: ast.expr) -> str | None:
    match node:
        case ast.Constant(value=str(text)):
            return re.sub(r"\{\w+\}", VALUE, text)
        case ast.JoinedStr(values=parts):
            return "".join(str(part.value) if isinstance(part, ast.Constant) else VALUE for part in parts)
        case _:
            return None
