"""How `make docs` builds the site: Sphinx over the Markdown files as they lie, every warning an error.

The navigation is the lists of `docs/index.md`, and after them what they leave out. A link or an anchor that leads
nowhere is a warning.
"""

import re
from collections.abc import Iterable
from pathlib import Path

from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"^- \[[^]]+\]\(([^)#]+)\.md\)", re.MULTILINE)
SECTION = re.compile(r"^## (.+)$", re.MULTILINE)
LINK_ANYWHERE = re.compile(r"(?<!!)\[([^]]+)\]\((?!https?:|mailto:|#)([^)#\s]+)(#[^)\s]*)?\)")
FETCHED = re.compile(r"""<(?:script|img|iframe|link|source)\b[^>]*\b(?:src|href)=["']((?:https?:)?//[^"']+)""")

project = "Everdesk"
author = "Everdesk"
html_title = "Everdesk"
root_doc = "docs/index"
extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
include_patterns = ["README.md", "SECURITY.md", "CHANGELOG.md", "CONTRIBUTING.md", "docs/**.md"]
myst_heading_anchors = 4
myst_enable_extensions = ["strikethrough"]
suppress_warnings = ["myst.strikethrough"]
html_theme = "furo"
html_extra_path = ["extra"]
html_show_copyright = False
html_show_sphinx = False
html_copy_source = False
html_show_sourcelink = False


def add_navigation(_: Sphinx, name: str, source: list[str]) -> None:
    """Makes a section's list of pages in the index a part of the navigation."""
    if name == root_doc:
        parts = SECTION.split(source[0])
        trees = [_tree(title, LINK.findall(text)) for title, text in zip(parts[1::2], parts[2::2], strict=True)]
        listed = set(LINK.findall(source[0])) | {"index"}
        if others := sorted({path.stem for path in (ROOT / "docs").glob("*.md")} - listed):
            trees.append(_tree("Further pages", others))
        source[0] += "\n" + "\n".join(trees)
    elif name == "docs/measurements":
        pages = sorted(path.stem for path in (ROOT / "docs" / "bench").glob("*.md"))
        source[0] += "\n```{toctree}\n:hidden:\n\n" + "\n".join(f"bench/{page}" for page in pages) + "\n```\n"


def keep_to_the_site(_: Sphinx, name: str, source: list[str]) -> None:
    """Shows links to files of the checkout that are no pages, such as code, as their paths alone."""
    folder = (ROOT / name).parent

    def shown(link: re.Match[str]) -> str:
        text, target = link[1], link[2]
        leads = folder / target
        is_page = leads.suffix == ".md" and any(leads.resolve().match(pattern) for pattern in _pages())
        return link[0] if is_page else text

    source[0] = LINK_ANYWHERE.sub(shown, source[0])


def refuse_other_hosts(app: Sphinx, problem: Exception | None) -> None:
    """No page makes the reader's browser ask another host for a script, a font or a picture."""
    if problem is not None:
        return
    for page in Path(app.outdir).rglob("*.html"):
        if found := FETCHED.findall(page.read_text(encoding="utf-8")):
            raise ExtensionError(f"{page} fetches {found}")


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.add_lexer("mermaid", TextLexer)  # diagrams are shown as their text: drawing them takes another host's script
    app.connect("build-finished", refuse_other_hosts)
    app.connect("source-read", add_navigation)
    app.connect("source-read", keep_to_the_site)


def _tree(title: str, links: Iterable[str]) -> str:
    pages = "\n".join(f"/{Path('docs', link)}" for link in links)
    return f"```{{toctree}}\n:hidden:\n:caption: {title}\n\n{pages}\n```\n"


def _pages() -> list[str]:
    return [str(ROOT / "*.md"), str(ROOT / "docs/*.md"), str(ROOT / "docs/*/*.md")]
