"""Forms sent by other sites, with planted cookies, or with the token of a session that has ended."""

import ast
import re
from pathlib import Path

import httpx2
import pytest

from shared.kit.http.form_tokens import CSRF_COOKIE
from tests.services.intake.harness import BASE_URL, IntakeHarness

FIELD = re.compile(r'name="csrf_token" value="([^"]+)"')
FROM_ELSEWHERE = (
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://portal.example.evil.example"},
    {"Origin": "http://portal.example:8080"},
    {"Origin": "ftp://portal.example"},
    {"Origin": "http://[portal.example"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
)
FROM_HERE: tuple[dict[str, str], ...] = (
    *({}, {"Origin": BASE_URL}, {"Sec-Fetch-Site": "same-origin"}),
    {"Origin": BASE_URL.replace("http:", "https:")},
)
"""The last: a proxy ends TLS in front of us."""
WEB = ("services/intake/web", "services/assignment/web")


async def token_of(browser: httpx2.AsyncClient, path: str) -> str:
    """The token in the form of a page."""
    found = FIELD.search((await browser.get(path)).text)
    assert found
    return found[1]


@pytest.mark.parametrize("headers", FROM_ELSEWHERE)
async def test_the_portal_takes_no_form_that_says_it_came_from_another_site(
    intake: IntakeHarness, headers: dict[str, str]
) -> None:
    async with intake.browser() as browser:
        form = {"csrf_token": await token_of(browser, "/tickets/status"), "email": "dana@bank.example"}
        assert (await browser.post("/tickets/status", data=form, headers=headers)).status_code == 403


@pytest.mark.parametrize("headers", FROM_HERE)
async def test_the_portal_takes_its_own_forms(intake: IntakeHarness, headers: dict[str, str]) -> None:
    async with intake.browser() as browser:
        form = {"csrf_token": await token_of(browser, "/tickets/status"), "email": "dana@bank.example"}
        assert (await browser.post("/tickets/status", data=form, headers=headers)).status_code != 403


@pytest.mark.parametrize("planted", ["x", "x.", "x." + "0" * 64, ".", "a.b.c"])
async def test_a_planted_cookie_does_not_make_a_token(intake: IntakeHarness, planted: str) -> None:
    async with intake.browser() as browser:
        answer = await browser.post(
            "/tickets/status",
            data={"csrf_token": planted, "email": "dana@bank.example"},
            headers={"Cookie": f"{CSRF_COOKIE}={planted}"},
        )
        assert answer.status_code == 403


def called_in(function: ast.AST) -> set[str]:
    """The names of what a function calls or asks for as a dependency."""
    names = {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}
    return names | {node.attr for node in ast.walk(function) if isinstance(node, ast.Attribute)}


@pytest.mark.parametrize("folder", WEB)
def test_every_form_that_is_taken_checks_its_token(folder: str) -> None:
    """Each handler of a POST reaches `check_form_token` by the functions and dependencies it names."""
    functions: dict[str, set[str]] = {}
    handlers: set[str] = set()
    for path in Path(folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Assign):
                for target in (each for each in node.targets if isinstance(each, ast.Name)):
                    functions.setdefault(target.id, set()).update(called_in(node.value))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                functions.setdefault(node.name, set()).update(called_in(node))
                posts = [each for each in node.decorator_list if ".post(" in ast.unparse(each)]
                handlers |= {node.name} if posts else set()

    checking = {"check_form_token", "form_tokens_of"}
    while more := {name for name, named in functions.items() if named & checking} - checking:
        checking |= more
    assert len(handlers) > 2
    assert handlers - checking == set()
