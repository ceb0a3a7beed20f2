"""HTML mail templates with CSS inlined once at start, because mail clients drop style sheets.

Only templates are inlined, never foreign content: the inliner recurses as deep as its input.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import css_inline

LAYOUT = "layout.html"
_BLOCK = re.compile(r"{%\s*block (\w+)\s*%}(.*?){%\s*endblock\s*%}", re.DOTALL)
_INCLUDE = re.compile(r'{%\s*include "([\w.]+)"\s*%}')
_JINJA = re.compile(r"{%.*?%}|{{.*?}}|{#.*?#}\s*", re.DOTALL)
_STAND_IN = re.compile(r"<!--jinja-(\d+)-->|jinja-(\d+)-")


def styled_templates(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """Returns the source of each template by name (without `.html`), with its layout and inline styles.

    Assumes blocks that are not nested and no statement inside a tag.
    """
    layout = _layout(folder)
    return {
        name: _styled(_filled(layout, (folder / f"{name}.html").read_text("utf-8"), {}), _inliner()) for name in names
    }


def styled_with_words(folder: Path, name: str, words: str) -> str:
    """Returns the source of a template with other words in it, which are sanitised and not deeply nested."""
    shipped = (folder / f"{name}.html").read_text("utf-8")
    return _styled(_filled(_layout(folder), shipped, {"words": f"\n{words}\n"}), _inliner())


def _inliner() -> css_inline.CSSInliner:
    return css_inline.CSSInliner(keep_at_rules=True, load_remote_stylesheets=False)


def _layout(folder: Path) -> str:
    return _INCLUDE.sub(lambda found: (folder / found[1]).read_text("utf-8"), (folder / LAYOUT).read_text("utf-8"))


def _filled(layout: str, template: str, replaced: Mapping[str, str]) -> str:
    blocks: dict[str, str] = {found[1]: found[2] for found in _BLOCK.finditer(template)} | dict(replaced)
    return _BLOCK.sub(lambda found: blocks.get(found[1], str(found[2])), layout)


def _styled(source: str, inliner: css_inline.CSSInliner) -> str:
    """Inlines styles; Jinja statements are replaced by comments and expressions by words meanwhile."""
    kept: list[str] = []

    def stand_in(found: re.Match[str]) -> str:
        if found[0].startswith("{#"):
            return ""
        kept.append(found[0])
        number = len(kept) - 1
        return f"<!--jinja-{number}-->" if found[0].startswith("{%") else f"jinja-{number}-"

    styled = inliner.inline(_JINJA.sub(stand_in, source))
    return _STAND_IN.sub(lambda found: kept[int(found[1] or found[2])], styled)
