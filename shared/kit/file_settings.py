"""Settings from files: `EVERDESK_LINK_SECRET_FILE=/run/secrets/link` stands for `EVERDESK_LINK_SECRET`.

What orchestrators mount as secrets never shows in a process's environment or in a container's description.
"""

import os
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

SUFFIX = "_FILE"


class SettingsFromFiles(PydanticBaseSettingsSource):
    """Reads each setting whose variable, with `_FILE` at its end, names a file. Line ends at the end are left out."""

    def __init__(self, settings: type[BaseSettings], prefix: str) -> None:
        super().__init__(settings)
        self._prefix = prefix

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """The file's text, or None; raises ValueError where both variables are set or the file cannot be read."""
        variable = f"{self._prefix}{field_name}".upper()
        path = os.environ.get(variable + SUFFIX)
        if not path:
            return None, field_name, False
        if os.environ.get(variable):
            raise ValueError(f"{variable} and {variable}{SUFFIX} are both set: set one of them")
        try:
            text = Path(path).read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as problem:
            raise ValueError(f"{variable}{SUFFIX} cannot be read: {problem}") from None
        return text, field_name, self.field_is_complex(field)

    def __call__(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, field in self.settings_cls.model_fields.items():
            text, _, is_complex = self.get_field_value(field, name)
            if text is not None:
                found[name] = self.prepare_field_value(name, field, text, is_complex)
        return found
