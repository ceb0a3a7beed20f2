"""Holidays come from files, feeds and countries; what cannot be used is refused in words and changes nothing."""

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from sqlalchemy import update

from services.assignment.commands.configuration.feed_refresh import refresh_due
from services.assignment.commands.configuration.holiday_feeds import apply_import, read_wish, refreshing
from services.assignment.models import CalendarFeed
from services.assignment.web.page_base import SESSION_COOKIE
from shared.kit.clock import new_id, utc_now
from shared.kit.http.problems import Problem
from tests.services.assignment.administration.test_versions import new_calendar
from tests.services.assignment.desk import AgentApi, Desk, Json
from tests.support.small_server import answering, serving

YEAR = utc_now().year
CALENDAR = {"Content-Type": "text/calendar; charset=utf-8"}


def event(day: str, name: str, *lines: str) -> str:
    """One all-day event."""
    return "\r\n".join(["BEGIN:VEVENT", f"DTSTART;VALUE=DATE:{day}", f"SUMMARY:{name}", *lines, "END:VEVENT", ""])


def feed(*events: str) -> bytes:
    """A calendar file."""
    return ("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\n" + "".join(events) + "END:VCALENDAR\r\n").encode()


class Site:
    """A site whose feed changes between two readings."""

    def __init__(self) -> None:
        self.head, self.body = "200 OK", feed()
        self.url = ""
        self.seen: list[str] = []

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Site"]:
        async def serve(reader: Any, writer: Any) -> None:
            await answering(self.head, self.body, self.seen)(reader, writer)

        async with serving(serve) as port:
            self.url = f"http://127.0.0.1:{port}/holidays.ics"
            yield self


async def upload(ada: AgentApi, slug: str, raw: bytes, expect: int = 200, key: str = "", **query: Any) -> Json:
    """Sends a file."""
    headers = CALENDAR | ({"Idempotency-Key": key} if key else {})
    path = f"/v1/calendars/{slug}/import"
    answer = await ada.send("POST", path, content=raw, headers=headers, params=query)
    assert answer.status_code == expect, answer.text
    body: Json = answer.json()
    return body


def dates(holidays: list[Json]) -> list[str]:
    return [one["date"] for one in holidays]


async def test_a_file_is_previewed_then_taken_and_taking_it_again_changes_nothing(desk: Desk) -> None:
    ada = await desk.agent("ada")
    slug = await new_calendar(ada, holidays=[{"date": f"{YEAR}-12-25", "name": "Ours"}])
    cancelled = event(f"{YEAR}0501", "Off", "STATUS:CANCELLED")
    raw = feed(event(f"{YEAR}1225", "Theirs"), event(f"{YEAR}1226", "Boxing Day", "RRULE:FREQ=YEARLY"), cancelled)
    preview = await upload(ada, slug, raw, dry_run="true")
    years = [f"{year}-12-26" for year in range(YEAR, YEAR + 11)]
    assert (preview["dry_run"], preview["changed"], preview["version"]) == (True, True, 1)
    assert (dates(preview["added"]), dates(preview["kept"]), preview["removed"]) == (years, [f"{YEAR}-12-25"], [])
    assert [(one["name"], one["reason"]) for one in preview["ignored"]] == [("Off", "it is cancelled")]
    assert (await ada.get(f"/v1/calendars/{slug}"))["version"] == 1
    key = str(new_id())
    done = await upload(ada, slug, raw, key=key)
    assert (done["version"], done["added"]) == (2, preview["added"])
    assert await upload(ada, slug, raw, key=key) == done
    assert (await upload(ada, slug, raw, expect=422, key=key, dry_run="true"))["code"] == "idempotency_key_reused"
    again = await upload(ada, slug, raw)
    assert (again["changed"], again["version"]) == (False, 2)
    stored = await ada.get(f"/v1/calendars/{slug}")
    assert stored["holidays"][0] == {"date": f"{YEAR}-12-25", "hours": None, "name": "Ours"}
    assert dates(stored["holidays"]) == [f"{YEAR}-12-25", *years]


async def test_replacing_keeps_the_past_and_takes_the_rest_away(desk: Desk) -> None:
    ada = await desk.agent("ada")
    holidays = [
        {"date": "2001-01-01"},
        {"date": f"{YEAR}-03-01"},
        {"date": f"{YEAR}-03-02", "hours": [["09:00", "10:00"]]},
    ]
    slug = await new_calendar(ada, holidays=holidays)
    done = await upload(ada, slug, feed(event(f"{YEAR}0301", "")), mode="replace")
    assert (dates(done["removed"]), dates(done["kept"])) == ([f"{YEAR}-03-02"], ["2001-01-01", f"{YEAR}-03-01"])


async def test_events_marked_as_free_are_taken_only_when_asked_for(desk: Desk) -> None:
    ada = await desk.agent("ada")
    slug, raw = await new_calendar(ada), feed(event(f"{YEAR}1003", "Unity", "TRANSP:TRANSPARENT"))
    ignored = await upload(ada, slug, raw)
    assert (ignored["changed"], ignored["ignored_total"]) == (False, 1)
    assert "include_free" in ignored["ignored"][0]["reason"]
    assert dates((await upload(ada, slug, raw, include_free="true"))["added"]) == [f"{YEAR}-10-03"]


async def test_a_remembered_feed_is_read_again_and_only_what_it_brought_is_taken_back(desk: Desk) -> None:
    ada = await desk.agent("ada")
    slug = await new_calendar(ada, holidays=[{"date": f"{YEAR + 1}-08-08", "name": "Ours"}])
    assert (await ada.post(f"/v1/calendars/{slug}/refresh", expect=409))["code"] == "no_feed"
    async with Site().open() as site:
        site.body = feed(event(f"{YEAR + 1}0101", "New Year"), event(f"{YEAR + 1}0606", "Day"))
        wish = {"url": site.url, "remember": True}
        previewed = await ada.post(f"/v1/calendars/{slug}/import", wish | {"dry_run": True})
        assert (previewed["version"], len(previewed["added"])) == (1, 2)
        assert (await ada.get(f"/v1/calendars/{slug}"))["feed_url"] is None
        await ada.post(f"/v1/calendars/{slug}/import", wish)
        stored = await ada.get(f"/v1/calendars/{slug}")
        assert (stored["feed_url"], stored["feed_status"]["state"], stored["version"]) == (site.url, "ok", 2)
        site.body = feed(event(f"{YEAR + 1}0101", "New Year"), event(f"{YEAR + 1}0607", "Day"))
        done = await ada.post(f"/v1/calendars/{slug}/refresh")
        assert (dates(done["added"]), dates(done["removed"])) == ([f"{YEAR + 1}-06-07"], [f"{YEAR + 1}-06-06"])
        assert dates(done["kept"]) == [f"{YEAR + 1}-01-01", f"{YEAR + 1}-08-08"]
        assert (await ada.post(f"/v1/calendars/{slug}/refresh"))["changed"] is False
        assert any("Accept: text/calendar" in head for head in site.seen)
        site.head = "500 Broken"
        assert (await ada.post(f"/v1/calendars/{slug}/refresh", expect=422))["code"] == "feed_unavailable"
        failed = await ada.get(f"/v1/calendars/{slug}")
        assert (failed["feed_status"]["state"], failed["version"], len(failed["holidays"])) == ("failed", 3, 3)
        assert "500" in failed["feed_status"]["detail"]
    assert (await ada.send("DELETE", f"/v1/calendars/{slug}/feed")).status_code == 204
    assert (await ada.send("DELETE", f"/v1/calendars/{slug}/feed")).status_code == 404
    assert (await ada.get(f"/v1/calendars/{slug}"))["feed_status"] is None


async def test_feeds_that_are_due_are_read_by_themselves_and_a_bad_one_keeps_its_holidays(desk: Desk) -> None:
    ada = await desk.agent("ada")
    good, bad = await new_calendar(ada), await new_calendar(ada)
    async with Site().open() as first, Site().open() as second:
        for slug, site in ((good, first), (bad, second)):
            site.body = feed(event(f"{YEAR + 1}0101", "New Year"))
            await ada.post(f"/v1/calendars/{slug}/import", {"url": site.url, "remember": True})
        first.body, second.body = feed(event(f"{YEAR + 1}0102", "Moved")), b"<html>Sign in</html>"
        now = utc_now()
        async with desk.database.begin() as session:
            due = update(CalendarFeed).where(CalendarFeed.slug.in_((good, bad))).values(due_at=now - timedelta(hours=1))
            await session.execute(due)
        await refresh_due(desk.context, now)
    fresh, stale = await ada.get(f"/v1/calendars/{good}"), await ada.get(f"/v1/calendars/{bad}")
    assert (fresh["version"], dates(fresh["holidays"]), fresh["feed_status"]["state"]) == (
        3,
        [f"{YEAR + 1}-01-02"],
        "ok",
    )
    assert (stale["version"], dates(stale["holidays"])) == (2, [f"{YEAR + 1}-01-01"])
    assert (stale["feed_status"]["state"], "iCalendar" in stale["feed_status"]["detail"]) == ("failed", True)
    assert stale["feed_status"]["next_at"] > now.isoformat()
    versions = (await ada.get(f"/v1/calendars/{good}/versions"))["items"]
    assert [one["created_by"] is None for one in versions] == [True, False, False]


async def test_a_feed_forgotten_while_it_is_read_stays_forgotten(desk: Desk) -> None:
    ada = await desk.agent("ada")
    slug = await new_calendar(ada)
    async with Site().open() as site:
        await ada.post(f"/v1/calendars/{slug}/import", {"url": site.url, "remember": True})
        site.body = feed(event(f"{YEAR + 1}0101", "New Year"))
        async with desk.database.begin() as session:
            wish = await refreshing(session, slug, by=None)
        reading = await read_wish(desk.context, wish)
        await ada.send("DELETE", f"/v1/calendars/{slug}/feed")
        with pytest.raises(Problem, match="changed meanwhile"):
            async with desk.database.begin() as session:
                await apply_import(session, wish, reading)
    stored = await ada.get(f"/v1/calendars/{slug}")
    assert (stored["version"], stored["feed_url"]) == (1, None)


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://feeds.example/x.ics", "feed_unavailable"),
        ("https://169.254.169.254/latest/meta-data/", "invalid_input"),
        ("https://[::1]/x.ics", "invalid_input"),
        ("https://10.0.0.1/x.ics", "invalid_input"),
        ("https://2130706433/x.ics", "invalid_input"),
        ("https://user:secret@feeds.example/x.ics", "invalid_input"),
        ("file:///etc/passwd", "invalid_input"),
        ("webcal://10.0.0.1/x.ics", "invalid_input"),
        ("", "invalid_input"),
        ("x" * 3000, "invalid_input"),
        (7, "invalid_input"),
    ],
)
async def test_a_feed_elsewhere_than_on_the_internet_is_refused(desk: Desk, url: object, code: str) -> None:
    ada = await desk.agent("ada")
    slug = await new_calendar(ada)
    refused = await ada.post(f"/v1/calendars/{slug}/import", {"url": url}, expect=422)
    assert refused["code"] == code
    if code == "invalid_input":
        assert refused["errors"][0]["pointer"] == "/url"


async def test_a_feed_that_leads_inside_is_refused(desk: Desk) -> None:
    ada = await desk.agent("ada")
    slug = await new_calendar(ada)
    async with Site().open() as site:
        site.head = "302 Found\r\nLocation: https://169.254.169.254/latest/meta-data/"
        refused = await ada.post(f"/v1/calendars/{slug}/import", {"url": site.url}, expect=422)
    assert refused["code"] == "invalid_input"


@pytest.mark.parametrize(
    ("raw", "status", "code"),
    [
        (b"", 422, "unreadable_feed"),
        (b"hello", 422, "unreadable_feed"),
        (bytes(range(256)), 422, "unreadable_feed"),
        (
            b"BEGIN:VCALENDAR\r\nCALSCALE:ISLAMIC\r\n" + event("20270101", "x").encode() + b"END:VCALENDAR",
            422,
            "unreadable_feed",
        ),
        (feed(*[event(f"{YEAR}0101", str(i)) for i in range(5001)]), 422, "unreadable_feed"),
        (feed(event(f"{YEAR}0101", "x", "RRULE:FREQ=DAILY")), 422, "too_many_holidays"),
        (b"BEGIN:VCALENDAR\r\nX-A:" + b"x" * 1024 * 1024, 413, "too_large"),
    ],
    ids=["nothing", "text", "bytes", "islamic", "events", "daily", "large"],
)
async def test_a_file_that_is_no_list_of_holidays_is_refused(desk: Desk, raw: bytes, status: int, code: str) -> None:
    ada = await desk.agent("ada")
    slug = await new_calendar(ada)
    assert (await upload(ada, slug, raw, expect=status))["code"] == code
    assert (await ada.get(f"/v1/calendars/{slug}"))["version"] == 1


async def test_a_file_of_nearly_a_mebibyte_is_read(desk: Desk) -> None:
    ada = await desk.agent("ada")
    raw = feed(*[event(f"{YEAR}0101", "x" * 850) for _ in range(1100)])
    assert 900_000 < len(raw) < 1024 * 1024
    assert len((await upload(ada, await new_calendar(ada), raw))["added"]) == 1


@pytest.mark.parametrize(
    ("headers", "body", "query", "status"),
    [
        ({"Content-Type": "application/json"}, b"{", "", 400),
        ({"Content-Type": "application/json"}, b"[]", "", 422),
        ({"Content-Type": "application/json"}, b"{}", "", 422),
        ({"Content-Type": "application/json"}, b'{"url": "https://feeds.example/", "moed": "merge"}', "", 422),
        ({"Content-Type": "application/json"}, b'{"url": "https://feeds.example/", "mode": "mix"}', "", 422),
        ({"Content-Type": "application/json"}, b'{"url": "https://feeds.example/"}', "?dry_run=true", 422),
        ({"Content-Type": "text/html"}, b"<p>", "", 415),
        ({}, b"BEGIN:VCALENDAR", "", 415),
        (CALENDAR, feed(), "?mode=mix", 422),
        (CALENDAR, feed(), "?dryrun=true", 422),
    ],
)
async def test_an_import_says_what_it_wants(
    desk: Desk, headers: dict[str, str], body: bytes, query: str, status: int
) -> None:
    ada = await desk.agent("ada")
    slug = await new_calendar(ada)
    answer: httpx2.Response = await ada.send(
        "POST", f"/v1/calendars/{slug}/import{query}", content=body, headers=headers
    )
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


async def test_countries_are_listed_with_the_parts_a_calendar_takes(desk: Desk) -> None:
    ada = await desk.agent("ada")
    listed = {one["code"]: one for one in (await ada.get("/v1/holiday-countries"))["items"]}
    assert len(listed) > 200
    assert (listed["DE"]["name"], "BY" in listed["DE"]["subdivisions"]) == ("Germany", True)
    assert listed["GB"]["name"] == "United Kingdom"
    slug = await new_calendar(ada)
    for code in ("DE", "DE-BY", "CH-ZH"):
        await ada.patch(f"/v1/calendars/{slug}", {"holiday_country": code})


async def test_the_holidays_of_a_year_are_the_calendars_own_and_its_countrys(desk: Desk) -> None:
    ada = await desk.agent("ada")
    own: list[Json] = [{"date": "2027-12-24", "hours": [["13:00", "24:00"]], "name": "Eve"}, {"date": "2028-01-07"}]
    slug = await new_calendar(ada, holidays=[*own, {"date": "2027-12-25"}], holiday_country="DE")
    listed = (await ada.get(f"/v1/calendars/{slug}/holidays", year=2027))["items"]
    assert dates(listed) == sorted(dates(listed))
    assert {one["date"][:4] for one in listed} == {"2027"}
    by_date = {one["date"]: one for one in listed}
    assert (by_date["2027-10-03"]["source"], bool(by_date["2027-10-03"]["name"])) == ("country", True)
    assert by_date["2027-12-24"] == own[0] | {"source": "calendar"}
    assert by_date["2027-12-25"]["source"] == "calendar"
    for year in ("1900", "2200"):
        await ada.get(f"/v1/calendars/{slug}/holidays", year=year)
    for year in ("1899", "2201", "x", ""):
        await ada.get(f"/v1/calendars/{slug}/holidays", expect=422, year=year)
    await ada.get(f"/v1/calendars/{slug}/holidays", expect=422)
    await ada.get("/v1/calendars/nowhere/holidays", expect=404, year=2027)


async def test_holidays_are_for_administrators(desk: Desk) -> None:
    ada, vera = await desk.agent("ada"), await desk.agent("vera")
    slug = await new_calendar(ada)
    await vera.get("/v1/holiday-countries", expect=403)
    await vera.get(f"/v1/calendars/{slug}/holidays", expect=403, year=2027)
    await upload(vera, slug, feed(), expect=403)
    await vera.post(f"/v1/calendars/{slug}/refresh", expect=403)
    assert (await vera.send("DELETE", f"/v1/calendars/{slug}/feed")).status_code == 403
    await upload(ada, "nowhere", feed(), expect=404)
    await ada.post("/v1/calendars/nowhere/refresh", expect=404)


async def test_the_api_describes_both_ways_to_import(desk: Desk) -> None:
    document = (await desk.http.get("/openapi.json")).json()
    content = document["paths"]["/v1/calendars/{slug}/import"]["post"]["requestBody"]["content"]
    assert set(content) == {"text/calendar", "application/json"}
    assert "BEGIN:VEVENT" in content["text/calendar"]["example"]
    assert "url" in content["application/json"]["schema"]["properties"]
    named = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(document)))
    assert named <= document["components"]["schemas"].keys()
    assert "#/$defs" not in json.dumps(document)


async def test_a_file_is_uploaded_on_the_calendars_page(desk: Desk) -> None:
    ada, http = await desk.agent("ada"), desk.http
    slug = await new_calendar(ada)
    cookies = f"{SESSION_COOKIE}={ada.token}"
    page = await http.get(f"/admin/calendars/{slug}/import", headers={"Cookie": cookies})
    assert 'enctype="multipart/form-data"' in page.text
    csrf = page.cookies["everdesk_csrf"]
    http.cookies.clear()
    headers, place = {"Cookie": f"{cookies}; everdesk_csrf={csrf}"}, f"/admin/calendars/{slug}/import-file"
    form = {"csrf_token": csrf, "file_mode": "merge", "form_id": f"{slug}-file"}

    async def send(raw: bytes, **more: str) -> Any:
        answer = await http.post(place, data=form | more, files={"calendar_file": ("days.ics", raw)}, headers=headers)
        http.cookies.clear()
        return answer

    raw = feed(event(f"{YEAR}1226", "Boxing Day"))
    preview = await send(raw, preview="yes")
    assert (preview.status_code, f"{YEAR}-12-26" in preview.text) == (200, True)
    assert (await ada.get(f"/v1/calendars/{slug}"))["version"] == 1
    assert (await send(b"no calendar")).status_code == 422
    empty = await send(b"")
    assert (empty.status_code, "Choose a file." in empty.text) == (422, True)
    assert (await send(raw)).status_code == 303
    calendar = await ada.get(f"/v1/calendars/{slug}")
    assert (calendar["version"], dates(calendar["holidays"])) == (2, [f"{YEAR}-12-26"])
    assert (await send(raw, csrf_token="forged")).status_code == 403
