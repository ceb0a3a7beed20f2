"""The OpenAPI document: complete, true to what happens, and readable without tools."""

import jsonschema  # type: ignore[import-untyped]
import pytest

from services.intake.access.key_scopes import KeyScope
from services.intake.app import build
from services.intake.settings import IntakeSettings
from shared.kit.http.documents import JSON, Json, operations
from shared.kit.http.problems import MEDIA_TYPE
from tests.services.intake.harness import IntakeHarness


@pytest.fixture(scope="session")
def described(settings: IntakeSettings) -> Json:
    """The document."""
    return build(settings).openapi()


def api(described: Json) -> list[tuple[str, Json]]:
    """What client programs call, without the routes that only old clients know."""
    return [(path, operation) for path, operation in operations(described) if path.startswith("/v1/")]


def validator(schema: Json, described: Json) -> jsonschema.Draft202012Validator:
    """A validator that finds the document's components."""
    return jsonschema.Draft202012Validator(schema | {"components": described["components"]})


def test_every_operation_has_a_name_of_its_own_a_tag_and_words(described: Json) -> None:
    names = [operation["operationId"] for _, operation in operations(described)]
    assert len(names) == len(set(names))
    told = {tag["name"] for tag in described["tags"]}
    for path, operation in api(described):
        assert operation["description"], path
        assert set(operation["tags"]) <= told, path
        assert operation["security"] == [{"ApiKey": []}], path


def test_every_operation_shows_an_example_of_each_answer(described: Json) -> None:
    for path, operation in api(described):
        answers = operation["responses"]
        assert {"401", "403", "429"} <= set(answers), path
        for status, answer in answers.items():
            for kind, content in answer.get("content", {}).items():
                if kind in (JSON, MEDIA_TYPE) and status != "default":
                    assert "example" in content, (path, status)
        if JSON in operation.get("requestBody", {}).get("content", {}):
            assert "example" in operation["requestBody"]["content"][JSON], path


def test_every_example_is_what_its_schema_says(described: Json) -> None:
    for path, operation in api(described):
        for part in (operation.get("requestBody", {}), *operation["responses"].values()):
            for content in part.get("content", {}).values():
                if "example" in content:
                    problems = [
                        error.message
                        for error in validator(content["schema"], described).iter_errors(content["example"])
                    ]
                    assert problems == [], path


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"Authorization": "Bearer x"}, b"{}", 401),
        ({}, b"{", 400),
        ({}, b"{}", 422),
        ({"Content-Type": "text/plain"}, b"{}", 415),
    ],
)
async def test_refusals_are_what_the_document_says(
    intake: IntakeHarness, described: Json, headers: dict[str, str], body: bytes, status: int
) -> None:
    async with intake.client() as http:
        answer = await http.post("/v1/tickets", content=body, headers={"Content-Type": JSON} | headers)
    documented = described["paths"]["/v1/tickets"]["post"]["responses"][str(status)]["content"][MEDIA_TYPE]
    assert answer.status_code == status
    validator(documented["schema"], described).validate(answer.json())
    assert set(answer.json()) >= set(documented["example"])


async def test_the_examples_of_requests_work(intake: IntakeHarness, described: Json) -> None:
    async with intake.client(await intake.make_key(*KeyScope)) as http:
        values = {"ticket_id": (await intake.submit_as(http))["id"]}
        for path, operation in api(described):
            content = operation.get("requestBody", {}).get("content", {}).get(JSON)
            if content is None:
                continue
            if "{key_id}" in path:
                made = await http.post("/v1/admin/api-keys", json={"name": "example"})
                values["key_id"] = made.json()["key_id"]
            answer = await http.post(path.format_map(Anything(values)), json=content["example"])
            assert answer.status_code not in (400, 415, 422), (path, answer.text)
            if answer.is_success and answer.content:
                schema = operation["responses"][str(answer.status_code)]["content"][JSON]["schema"]
                validator(schema, described).validate(answer.json())


class Anything(dict[str, str]):
    """Path parameters; one that is not known is the id of nothing."""

    def __missing__(self, name: str) -> str:
        return "01a2091e-28d4-7cf0-8b1a-8bdbf7a6b0f1"


async def test_people_can_read_it_without_a_program(intake: IntakeHarness, described: Json) -> None:
    async with intake.browser() as browser:
        page = await browser.get("/docs")
    assert page.status_code == 200
    assert '<script src="https://' not in page.text
    for path, operation in api(described):
        assert f'id="{operation["operationId"]}"' in page.text, path
