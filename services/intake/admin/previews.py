"""Preview of a topic's form before it is saved."""

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from services.intake.admin.administrators import Admin
from services.intake.admin.schemas import EXAMPLE_FORM
from services.intake.api.route import ApiRoute
from services.intake.deps import State
from services.intake.forms import Fields, Form
from services.intake.web.form_questions import questions_of
from services.intake.web.forms import PortalForm
from shared.kit.http.idempotency import IdempotencyKey
from shared.kit.http.inputs import Input

router = APIRouter(prefix="/v1/admin", route_class=ApiRoute, tags=["topic administration"])


class FormToPreview(Input):
    """Custom fields as a topic would have them."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"form": EXAMPLE_FORM}]})

    form: Fields = ()


class FormPreview(BaseModel):
    """The fields as the portal's page asks them."""

    html: str
    """Safe to be put into a page; without a form around it."""


@router.post("/form-preview")
async def preview(
    _: Admin,
    state: State,
    request: FormToPreview,
    idempotency_key: IdempotencyKey = None,  # noqa: ARG001 - doing it again changes nothing
) -> FormPreview:
    """Checks the fields of a form and shows what requesters are asked; nothing is saved."""
    asked = questions_of(Form(request.form), PortalForm(), {})
    return FormPreview(html=state.pages.text("form_preview.html", asked=asked, csrf_token=""))
