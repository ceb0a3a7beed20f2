"""Where the shipped mail templates are."""

from pathlib import Path

TEMPLATE_FOLDER = Path(__file__).parent / "templates"
