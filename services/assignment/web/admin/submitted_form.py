"""Administration forms: read with their token, and shown again with what is wrong when they are refused."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request
from pydantic import ValidationError

from services.assignment.commands.configuration.administration import Keyed
from services.assignment.queries.access.callers import Caller
from services.assignment.web.forms import MAX_FORM_ID
from services.assignment.web.refusal_texts import refusal_sentence
from shared.domain.errors import Refusal
from shared.kit.clock import new_id
from shared.kit.http.error_handlers import from_exception
from shared.kit.http.form_tokens import check_form_token
from shared.kit.http.idempotency import fingerprint
from shared.kit.http.problems import Problem
from shared.kit.i18n.messages import gettext

FieldErrors = tuple[tuple[str, str], ...]
MOST_FIELDS = 2000
SHOWN_ELSEWHERE = frozenset({401, 403, 404})
"""Statuses that are a page of their own; every other refusal is shown on the form."""


@dataclass(frozen=True, slots=True)
class SubmittedForm:
    """The text fields of a form that one of our own pages gave out."""

    fields: Mapping[str, Sequence[str]]

    def text(self, name: str) -> str:
        """A field without the blanks around it; empty if it was not sent."""
        return self.raw(name).strip()

    def raw(self, name: str) -> str:
        """A field as it was typed."""
        return self.fields.get(name, [""])[0].replace("\r\n", "\n")

    def optional(self, name: str) -> str | None:
        """A field, or None where it was left empty."""
        return self.text(name) or None

    @property
    def typed(self) -> dict[str, str]:
        """Every field as the form shows it again; passwords are typed anew."""
        return {name: self.raw(name).strip() for name in self.fields if name != "password"}

    def all(self, name: str) -> list[str]:
        """Every value of a field that may be there more than once, such as ticked boxes."""
        return [value for value in self.fields.get(name, ()) if value]

    def is_ticked(self, name: str) -> bool:
        """Whether a box was ticked."""
        return bool(self.text(name))

    def number(self, name: str) -> int | None:
        """A whole number, or None where the field holds none."""
        text = self.text(name)
        return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None

    def keyed(self, caller: Caller, path: str) -> Keyed:
        """The request that this form makes, recognisable when it is sent twice."""
        form_id = self.text("form_id")
        usable = 0 < len(form_id) <= MAX_FORM_ID and form_id.isascii() and form_id.isprintable()
        content = [f"{name}={value}" for name, values in sorted(self.fields.items()) for value in values]
        return Keyed(caller, path, form_id if usable else None, fingerprint(*content))


async def get_form(request: Request) -> SubmittedForm:
    """The form of a request. Raises Problem 403 without a valid token."""
    return await read_form(request)


async def read_form(request: Request, max_files: int = 0) -> SubmittedForm:
    """The text fields of a form that may hold files. Raises Problem 403 without a valid token."""
    form = await request.form(max_fields=MOST_FIELDS, max_files=max_files)
    token = form.get("csrf_token")
    check_form_token(request, token if isinstance(token, str) else "")
    fields: dict[str, list[str]] = {}
    for name, value in form.multi_items():
        if isinstance(value, str) and name != "csrf_token":
            fields.setdefault(name, []).append(value)
    return SubmittedForm(fields)


AdminForm = Annotated[SubmittedForm, Depends(get_form)]


class FormRefused(Exception):
    """A form that was not carried out, with what its page says about it."""

    def __init__(self, status: int, errors: FieldErrors, notice: str = "", version: int | None = None) -> None:
        """`version` is the one that the form is for from now on, where it was for an older one."""
        super().__init__(notice)
        self.status, self.errors, self.notice, self.version = status, errors, notice, version


def refuse_field(field: str, text: str) -> FormRefused:
    """The refusal of one field."""
    return FormRefused(422, ((field, text),))


@asynccontextmanager
async def refusals(field_of: Callable[[tuple[Any, ...]], str] = lambda place: str(place[0])) -> AsyncIterator[None]:
    """Turns what a command refuses into FormRefused.

    `field_of` names the form's field for a place in the command's input, such as ("targets", "urgent", "resolution").
    """
    try:
        yield
    except ValidationError as error:
        found = tuple(
            (field_of(one["loc"]) if one["loc"] else "form", refusal_sentence(one["msg"]))
            for one in error.errors(include_url=False)
        )
        raise FormRefused(422, found) from error
    except (Refusal, Problem) as error:
        problem = from_exception(error)
        if problem.status in SHOWN_ELSEWHERE:
            raise
        located = tuple(
            (field_of(tuple(one["pointer"].strip("/").split("/"))), refusal_sentence(one["detail"]))
            for one in problem.errors
            if one.get("pointer", "").strip("/")
        )
        raise FormRefused(problem.status, located, "" if located else refusal_sentence(problem.detail)) from error


def check_unchanged(form: SubmittedForm, version: int) -> None:
    """Raises FormRefused if somebody else changed the thing after the page was opened."""
    if (form.number("version") or version) != version:
        raise FormRefused(
            412,
            (),
            gettext(
                "Somebody else changed this after you opened the page. Their values are not in this form: open the page"
                " again in another tab, compare, then save once more."
            ),
            version,
        )


@dataclass(frozen=True, slots=True)
class FormView:
    """What a form's page needs: the values to show, and what is wrong with them."""

    values: Mapping[str, Any]
    errors: FieldErrors = ()
    notice: str = ""
    status: int = 200
    form_id: str = ""

    def error(self, name: str) -> str:
        """What is wrong with a field."""
        return next((text for field, text in self.errors if field == name), "")

    def value(self, name: str) -> Any:
        """What a field shows."""
        return self.values.get(name, "")

    @property
    def notices(self) -> list[tuple[str, str]]:
        """The refusal as a whole, where it is about no single field."""
        return [("danger", self.notice)] if self.notice else []


def fresh_form(values: Mapping[str, Any] | None = None) -> FormView:
    """A form as first shown, with an id that makes sending it twice harmless."""
    return FormView(values or {}, form_id=str(new_id()))


def refused_form(form: SubmittedForm, refused: FormRefused, values: Mapping[str, Any]) -> FormView:
    """The form again, with what was typed."""
    values = {**values, "version": refused.version or form.text("version")}
    return FormView(values, refused.errors, refused.notice, refused.status, form.text("form_id"))
