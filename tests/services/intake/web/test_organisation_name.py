"""The organisation's name on the pages of the support centre, as assignment tells of it."""

from collections.abc import AsyncIterator
from itertools import count

import pytest

from shared.contracts.events import InstallationChanged
from shared.kit.clock import utc_now
from tests.services.intake.harness import IntakeHarness
from tests.support.eventually import eventually

VERSIONS = count(int(utc_now().timestamp()), 1000)


@pytest.fixture
async def version(intake: IntakeHarness) -> AsyncIterator[int]:
    """A version newer than any other; afterwards the support centre has no name again."""
    given = next(VERSIONS)
    yield given
    await intake.publish(InstallationChanged(organisation="", version=given + 999))
    await is_headed(intake, "Support centre")


async def head_of(intake: IntakeHarness, language: str = "en", path: str = "/") -> str:
    async with intake.browser() as browser:
        page = (await browser.get(path, headers={"Accept-Language": language})).text
    title = page.partition("</title>")[0].partition("<title>")[2]
    brand = page.partition('<a class="brand"')[2].partition("</a>")[0]
    return f"{title}\n{brand}"


async def is_headed(intake: IntakeHarness, name: str) -> None:
    async def found() -> None:
        head = await head_of(intake)
        assert head.count(name) == 2, head

    await eventually(found)


async def test_without_a_name_the_pages_are_those_of_the_support_centre(intake: IntakeHarness) -> None:
    assert (await head_of(intake)).count("Support centre") == 2
    assert (await head_of(intake, "de")).count("Support-Center") == 2


async def test_every_page_bears_the_organisations_name(intake: IntakeHarness, version: int) -> None:
    await intake.publish(InstallationChanged(organisation="Harbour & Sons", version=version))
    await is_headed(intake, "Harbour &amp; Sons")
    for path in ("/tickets/new", "/tickets/status", "/t/no-such-link"):
        assert (await head_of(intake, path=path)).count("Harbour &amp; Sons") == 2


async def test_news_that_comes_late_changes_nothing(intake: IntakeHarness, version: int) -> None:
    await intake.publish(InstallationChanged(organisation="New Harbour", version=version + 2))
    await is_headed(intake, "New Harbour")
    await intake.publish(InstallationChanged(organisation="Old Harbour", version=version + 1))
    await intake.publish(InstallationChanged(organisation="Newest Harbour", version=version + 3))
    await is_headed(intake, "Newest Harbour")


async def test_a_long_or_hostile_name_is_only_text(intake: IntakeHarness, version: int) -> None:
    await intake.publish(InstallationChanged(organisation="<script>alert(1)</script> " + "x" * 200, version=version))
    await is_headed(intake, "&lt;script&gt;alert(1)&lt;/script&gt; xxxxxxxxxxxxx…")
