"""What composing and sending need of the templates that administrators edited; `mail_templates` provides it."""

from collections.abc import Mapping
from typing import Any, Protocol

from services.notification.delivery.templates import TemplateName


class RenderableTemplate(Protocol):
    """An edited template."""

    def render(self, values: Mapping[str, Any]) -> tuple[str, str, str]:
        """Returns subject, text and HTML. Raises whatever is wrong with the template."""
        ...


class TemplateEdits(Protocol):
    """The edited templates in force."""

    def find(self, name: TemplateName, tag: str) -> RenderableTemplate | None:
        """Returns the edited template of a language; None where the shipped one is in force."""
        ...

    async def refresh(self) -> None:
        """Looks again if what is known may be out of date."""
        ...
