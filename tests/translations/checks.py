"""What every translation must satisfy."""

import re
from collections import Counter

from babel.messages.catalog import Catalog, Message

PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%%")
TAG = re.compile(r"</?[a-z][^<>]*>")


def problems_of(catalogue: Catalog) -> list[str]:
    """Returns what is missing, fuzzy or not equal to its source in placeholders and markup."""
    return [f"{catalogue.locale}: {problem}" for message in catalogue if message.id for problem in _problems(message)]


def _problems(message: Message) -> list[str]:
    sources = list(message.id) if isinstance(message.id, tuple | list) else [str(message.id)]
    texts = list(message.string) if isinstance(message.string, tuple | list) else [str(message.string or "")]
    name = repr(sources[0])
    if message.fuzzy:
        return [f"fuzzy: {name}"]
    if not all(texts):
        return [f"not translated: {name}"]
    expected = sources[-1]
    return (
        [
            f"{what} differ: {name} / {text!r}"
            for text in texts
            for what, pattern in (("placeholders", PLACEHOLDER), ("tags", TAG))
            if Counter(pattern.findall(text)) != Counter(pattern.findall(expected))
        ]
        + [f"a straight quote would end an attribute: {text!r}" for text in texts if '"' in TAG.sub("", text)]
        + [f"stands there twice: {text!r}" for text in texts if len(text) > 20 and text[: len(text) // 2] * 2 == text]
    )
