"""Fields that are answered with files."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from services.intake.forms.conditions import Answer
from services.intake.forms.fields.base import BaseField, first_repeated
from shared.kit.http.inputs import Whole

MAX_FILES = 10


class FileField(BaseField):
    """Files, uploaded before; the answer is a list of their ids."""

    kind: Literal["file"]
    max_files: Annotated[Whole, Field(ge=1, le=MAX_FILES)] = 1

    @property
    def requirement(self) -> str:
        return "must be one file" if self.max_files == 1 else f"must be at most {self.max_files} files"

    def read(self, given: object) -> Answer:
        if not isinstance(given, list) or len(given) > self.max_files:
            raise self.refusal()
        try:
            ids = [str(UUID(file)) for file in given]
        except (ValueError, AttributeError, TypeError):
            raise ValueError("must be a list of the ids of uploaded files") from None
        if first_repeated(ids):
            raise ValueError("must not name a file twice")
        return list(ids)
