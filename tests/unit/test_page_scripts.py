"""Pages add their scripts to the desk's own, which bring the command palette, shortcuts and the bell."""

from pathlib import Path

TEMPLATES = Path(__file__).resolve().parents[2] / "services" / "assignment" / "templates"
FRAME = "desk.html"
BEFORE_SIGN_IN = ("account/second_step.html",)


def test_no_page_of_a_signed_in_agent_goes_without_the_scripts_of_the_desk() -> None:
    pages = {str(page.relative_to(TEMPLATES)): page.read_text() for page in TEMPLATES.rglob("*.html")}
    without = {
        name
        for name, text in pages.items()
        if "{% block scripts %}" in text and "{% block scripts %}{{ super() }}" not in text
    }
    assert without == {FRAME, *BEFORE_SIGN_IN}
