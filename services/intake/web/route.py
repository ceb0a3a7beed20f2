"""How the portal's pages show a problem."""

from fastapi import Request
from fastapi.responses import Response

from services.intake.deps import get_app_state
from services.intake.web.forms import FormNotValid
from services.intake.web.refusal_texts import problem_text
from shared.kit.http.page_route import BasePageRoute
from shared.kit.http.problems import Problem


class PortalPageRoute(BasePageRoute):
    """A route whose refusals are rendered as a page of the portal."""

    async def answer_own(self, request: Request, error: Exception) -> Response | None:
        """A form that is not valid where its page cannot be shown again."""
        if not isinstance(error, FormNotValid):
            return None
        return await self.render_problem(request, Problem(422, "invalid_input", "; ".join(error.errors.values())))

    async def render_problem(self, request: Request, problem: Problem) -> Response:
        """What went wrong, as a page."""
        state = await get_app_state(request)
        page = state.pages.render(
            request, "problem.html", problem.status, problem=problem, detail=problem_text(problem)
        )
        page.headers.update(problem.headers)
        return page
