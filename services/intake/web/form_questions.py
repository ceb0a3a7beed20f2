"""A topic's custom fields as a page of the portal asks them, and the answers as a browser sends them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from services.intake.forms import (
    Answer,
    Audience,
    CustomField,
    Form,
    answered_fields,
    check_answers,
    format_answer,
    from_texts,
)
from services.intake.forms.fields import (
    BaseChoiceField,
    DateField,
    EmailField,
    LongTextField,
    NumberField,
    PhoneField,
    TextField,
)
from services.intake.forms.validation import MISSING
from services.intake.topic_cache import TopicEntry
from services.intake.web.forms import FormNotValid, PortalForm
from services.intake.web.refusal_texts import refusal_text
from shared.kit.i18n.messages import gettext
from shared.kit.i18n.messages import marked as _

YES_OR_NO = (_("Yes"), _("No"))
"""How a ticked box is answered; translated where it is shown."""
PREFIX = "field-"
"""Keeps the names of custom fields apart from the page's own."""
MORE_QUESTIONS = _("There are a few more questions about this topic. Please look through them and send the form again.")
SHORT_CHOICE = 6
"""So many choices are shown at once, if one must be taken."""
INPUT_TYPES = {"text": "text", "email": "email", "phone": "tel", "date": "date", "number": "number"}
PHONE_PATTERN = r"[0-9+\(\)./ xX\-]{3,40}"


@dataclass(frozen=True, slots=True)
class FormQuestion:
    """One custom field on the page."""

    field: CustomField
    name: str
    """Of the input."""
    value: str
    chosen: tuple[str, ...]
    error: str
    only_if: str
    """When to answer it, for those whose browser does not hide it."""
    cause: str
    """The name of the input on which it depends."""
    wanted: str
    """JSON: the texts of that input for which it is shown."""

    @property
    def type(self) -> str:
        """Of a simple input; empty for the others."""
        return INPUT_TYPES.get(self.field.kind, "")

    @property
    def attributes(self) -> dict[str, object]:
        """What the browser checks by itself, and in which words the page's script says so."""
        quoted = in_quotes(self.field.label)
        requirement, missing = refusal_text(self.field.requirement), refusal_text(MISSING)
        words = {"data-wrong": f"{quoted} {requirement}", "data-missing": f"{quoted} {missing}"}
        return words | _bounds_of(self.field)

    @property
    def options(self) -> list[tuple[str, str]]:
        """The choices as key and label."""
        return (
            [(choice.key, choice.label) for choice in self.field.choices]
            if isinstance(self.field, BaseChoiceField)
            else []
        )

    @property
    def is_short_choice(self) -> bool:
        """Whether all choices are shown at once; one that may be left out needs a way back to none."""
        return self.field.kind == "choice" and self.field.required and len(self.field.choices) <= SHORT_CHOICE


def _bounds_of(field: CustomField) -> dict[str, object]:
    match field:
        case TextField() | LongTextField():
            return {"maxlength": field.max_length}
        case EmailField():
            return {"maxlength": 254}
        case PhoneField():
            return {"maxlength": 40, "pattern": PHONE_PATTERN}
        case DateField():
            return {"min": field.min, "max": field.max}
        case NumberField():
            step, keys = ("1", "numeric") if field.is_whole else ("any", "decimal")
            return {"min": field.min, "max": field.max, "step": step, "inputmode": keys}
    return {}


def questions_of(form: Form, sent: PortalForm, errors: Mapping[str, str]) -> list[FormQuestion]:
    """What requesters are asked, with what they have answered so far."""
    return [_question(form, field, sent, errors) for field in form.fields_for(Audience.EVERYONE)]


def answers_from(form: Form, sent: PortalForm) -> dict[str, Answer]:
    """The answers in a form that was sent; what nobody asked for is left out. Raises NotValid."""
    checked = check_answers(form, from_texts(form, texts_from(sent)), Audience.EVERYONE)
    if checked.wrong:
        wrong = {
            name: f"{in_quotes(form.by_name[name].label)} {refusal_text(text)}" for name, text in checked.wrong.items()
        }
        raise FormNotValid({PREFIX + name: text for name, text in wrong.items()})
    return checked.values


def answers_shown_to_requester(topic: TopicEntry | None, kept: Mapping[str, object]) -> list[tuple[str, str]]:
    """A ticket's answers as label and text: what its requester may see, of removed fields too."""
    if topic is None:
        return []
    shown = answered_fields(topic.form, topic.former, kept, Audience.EVERYONE)
    return [(one.label, gettext(one.text) if isinstance(kept.get(one.name), bool) else one.text) for one in shown]


def in_quotes(words: str) -> str:
    """Someone's own words inside ours."""
    return gettext("“%(words)s”", words=words)


def texts_from(sent: PortalForm) -> dict[str, tuple[str, ...]]:
    """The custom fields in a form that was sent, by their own names."""
    return {name.removeprefix(PREFIX): sent.all(name) for name in sent if name.startswith(PREFIX)}


def _question(form: Form, field: CustomField, sent: PortalForm, errors: Mapping[str, str]) -> FormQuestion:
    name = PREFIX + field.name
    condition = field.shown_if
    return FormQuestion(
        field=field,
        name=name,
        value=sent.get(name, ""),
        chosen=sent.all(name),
        error=errors.get(name, ""),
        only_if=_only_if(form, field),
        cause=PREFIX + condition.field if condition else "",
        wanted=json.dumps([_as_text(wanted) for wanted in condition.wanted]) if condition else "",
    )


def _only_if(form: Form, field: CustomField) -> str:
    if field.shown_if is None:
        return ""
    cause = form.by_name[field.shown_if.field]
    wanted = gettext(" or ").join(in_quotes(_shown_answer(cause, answer)) for answer in field.shown_if.wanted)
    return gettext("Only if you answered %(answer)s to %(question)s", answer=wanted, question=in_quotes(cause.label))


def _shown_answer(field: CustomField, answer: object) -> str:
    text = format_answer(field, answer)
    return gettext(text) if isinstance(answer, bool) else text


def _as_text(wanted: object) -> str:
    """As the page's script reads inputs: a checkbox is `true` or `false`."""
    return json.dumps(wanted) if isinstance(wanted, bool) else str(wanted)
