"""What every form of the portal does: a token against forgery, a trap for robots, errors at their fields."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Literal, TypeVar

from fastapi import Request
from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from services.intake.app_state import AppState
from services.intake.attachments.object_store import StorageUnavailable
from services.intake.attachments.upload import IncomingFile as SentFile
from services.intake.attachments.upload_quota import FORMS, check_upload_quota
from services.intake.errors import storage_away
from services.intake.models import Attachment
from services.intake.schemas import TopicName
from services.intake.web.multipart import MULTIPART, FormLimits, FormPart
from services.intake.web.multipart import MultipartForm as SentForm
from services.intake.web.multipart import read_form as read_multipart
from services.intake.web.refusal_texts import problem_text, refusal_text
from shared.contracts.vocabulary import CloseReason
from shared.kit.addresses import NOT_SERVED
from shared.kit.auth import new_token
from shared.kit.http.body_check import refusing
from shared.kit.http.client_address import address_of, network_of
from shared.kit.http.form_tokens import check_form_token
from shared.kit.http.idempotency import fingerprint
from shared.kit.http.inputs import Body, Email, Input, Line, Phone
from shared.kit.http.problems import Problem
from shared.kit.http.rate_limits import RateLimiter
from shared.kit.i18n.messages import gettext
from shared.kit.i18n.messages import marked as _
from shared.kit.ticket_numbers import number_as_written

TRAP = "website"
"""A field people do not see; robots fill it in."""
FORM_ID = "form_id"
"""Names one filling-in of a form, so that sending it twice has one effect."""

MAX_FILES = 20
MAX_INPUTS = 600
"""Of one form: every choice of a topic's form may be ticked, and then there is the rest."""

Form = TypeVar("Form", bound=BaseModel)
Values = Mapping[str, str]


class PortalForm(dict[str, str]):
    """What a form sent: the last value of each name, and all of them where a name may have several."""

    def __init__(self, pairs: Iterable[tuple[str, str]] = (), refused: Mapping[str, str] | None = None) -> None:
        pairs = tuple((name, value.replace("\r\n", "\n")) for name, value in pairs)
        super().__init__(pairs)
        self._pairs = pairs
        self.refused = dict(refused or {})
        """Why files were not kept, by the name of their input."""

    def all(self, name: str) -> tuple[str, ...]:
        """Every value of a name, in their order."""
        return tuple(value for sent, value in self._pairs if sent == name)


WORDS = {
    "email": _("Enter your e-mail address, like name@example.com"),
    "name": _("Enter your name"),
    "phone": _("Enter a telephone number of digits, or leave it empty"),
    "topic": _("Choose what it is about"),
    "subject": _("Say in a few words what it is about"),
    "body": _("Describe what you need"),
    "number": _("Enter the number of your request"),
    "reason": _("Choose a reason"),
    "score": _("Choose one of the five answers"),
    "wanted": _("Choose one of the answers"),
    "comment": _("Use at most 2,000 characters"),
}
"""What to do about a field that is empty or cannot be read."""


def correction_of(name: str) -> str:
    """The same in the reader's language."""
    return gettext(WORDS[name])


class NewRequest(Input):
    """A request for help, by form."""

    topic: TopicName
    subject: Line
    body: Body
    email: Email
    name: Line
    phone: Phone | None = None


class LinkRequest(Input):
    """Someone who lost the link to a request."""

    email: Email
    number: Annotated[str, Field(pattern=r"^[0-9]{1,18}$"), BeforeValidator(number_as_written)]


class ReplyForm(Input):
    """The requester writes again, by form."""

    body: Body


class ClosingForm(Input):
    """Why the requester closes it."""

    reason: Literal[CloseReason.RESOLVED, CloseReason.WITHDRAWN] = CloseReason.WITHDRAWN


class FormNotValid(Exception):
    """What to correct, by field."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__("the form is not valid")
        self.errors = errors


async def read_form(request: Request, state: AppState, limiter: RateLimiter | None = None) -> PortalForm:
    """The form's fields; a file is kept, and its id stands for it under the name of its input.

    Raises Problem 403 for a form from elsewhere, 429 for too many from one address, 503 while files cannot be kept.
    """
    await (limiter or state.form_limiter).check(None, network_of(address_of(request, state.settings.trusted_proxies)))
    if request.headers.get("content-type", "").startswith(MULTIPART):
        sent = await _with_files(request, state)
    else:
        form = await request.form(max_files=0, max_fields=MAX_INPUTS)
        sent = PortalForm((name, value) for name, value in form.multi_items() if isinstance(value, str))
    check_form_token(request, sent.get("csrf_token"))
    async with refusing("/body"):
        await state.renderer.redact_ahead(*(value.strip() for value in sent.values()))
    return sent


async def _with_files(request: Request, state: AppState) -> PortalForm:
    refused: dict[str, str] = {}

    async def keep(part: FormPart, form: SentForm[Attachment | None]) -> Attachment | None:
        check_form_token(request, form.one("csrf_token"))
        try:
            await check_upload_quota(state.database, state.settings.waiting_bytes)
            return await state.uploader.store(part.content(), SentFile(part.filename or "", _owner(form.one(FORM_ID))))
        except StorageUnavailable:
            raise storage_away() from None
        except Problem as problem:
            refused[part.name] = problem_text(problem)
            return None

    form = await read_multipart(request, keep, FormLimits(fields=MAX_INPUTS, files=MAX_FILES))
    kept = [(name, file) for name, files in form.files.items() for file in files if file]
    async with state.database.begin() as session:
        session.add_all(file for _, file in kept)
    fields = [(name, value) for name, values in form.values.items() for value in values]
    return PortalForm([*fields, *((name, str(file.id)) for name, file in kept)], refused)


def owner_of(sent: Values) -> str:
    """Who the files of a form belong to until they are attached: whoever has the page with its id."""
    return _owner(sent.get(FORM_ID, ""))


def _owner(form_id: str) -> str:
    if len(form_id) < 16:
        raise Problem(422, "form_id_missing", "reload the page and choose the files again")
    return f"{FORMS}{fingerprint('files', form_id[:64]).hex()[:40]}"


def check(form: type[Form], values: Values) -> Form:
    """The form's content. Raises NotValid; a field left empty counts as not given."""
    given = {name: values[name].strip() for name in form.model_fields if values.get(name, "").strip()}
    try:
        return form.model_validate(given)
    except ValidationError as error:
        wrong = {str(item["loc"][0]): str(item["msg"]).removeprefix("Value error, ") for item in error.errors()}
        raise FormNotValid(
            {name: _in_words(name, given, wrong[name]) for name in form.model_fields if name in wrong}
        ) from None


def form_id_of(values: Values) -> str:
    """The form's id, or a new one for a form that is shown for the first time."""
    return values.get(FORM_ID, "")[:64] or new_token()


def key_of(values: Values, form: BaseModel, *more: bytes) -> str:
    """The same for each sending of the same content from the same page: what makes a double click harmless."""
    return fingerprint(form_id_of(values), form.model_dump_json(), *more).hex()


def _in_words(name: str, given: Values, detail: str) -> str:
    if detail == NOT_SERVED:
        return refusal_text(detail)
    if name in given and name in ("name", "subject", "body"):
        text = refusal_text(detail)
        return text[:1].upper() + text[1:]
    return correction_of(name)
