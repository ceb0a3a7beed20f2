"""The desk: server-rendered pages for agents."""

from pathlib import Path

from fastapi import FastAPI

from services.assignment.access.known_browsers import KnownBrowsers
from services.assignment.settings import AssignmentSettings
from services.assignment.web import (
    account,
    activity_reports,
    admin,
    availability,
    held_reports,
    inbox,
    incidents,
    merge_page,
    new_ticket,
    participants,
    queue,
    queue_work,
    report_schedules,
    reports,
    requesters,
    rights_watch,
    satisfaction_reports,
    saved_reports,
    settings_page,
    setup,
    side_conversations,
    sign_in,
    single_sign_on,
    staffing,
    tasks,
    ticket,
    ticket_actions,
    ticket_canned,
    ticket_details,
    ticket_writing,
    time_reports,
    wall_boards,
    what_if,
    who_was_told,
)
from services.assignment.web.admin.sections import groups_of, sections_of
from services.assignment.web.command_catalogue import catalogue_json
from services.assignment.web.group_names import figure_name, group_name
from services.assignment.web.new_ticket import may_open_tickets
from services.assignment.web.page_base import SESSION_COOKIE, DeskPages, Flash
from services.assignment.web.refusal_texts import refusal_text
from services.assignment.web.rights_watch import rights_of
from shared.kit.http.cookies import wants_secure_cookies
from shared.kit.http.form_tokens import FormTokens
from shared.kit.http.language_choice import LanguageChoice, offered_languages
from shared.kit.http.pages import Pages
from shared.kit.http.path_prefix import path_of


def install_web(app: FastAPI, settings: AssignmentSettings) -> None:
    """Adds the desk's pages to the service, those of `include_busiest_pages` apart.

    No router of pages lies in another: each is asked twice whether it has the route.
    """
    secure = wants_secure_cookies(settings.secure_cookies, settings.desk_url)
    pages = Pages(
        Path(__file__).parent.parent,
        secure_cookies=secure,
        prefix=path_of(settings.desk_url),
        product="Everdesk",
        home="/queue",
        sections_of=sections_of,
        groups_of=groups_of,
        rights_of=rights_of,
        may_open_tickets=may_open_tickets,
        commands=catalogue_json,
        refusal_text=refusal_text,
        group_name=group_name,
        figure_name=figure_name,
    )
    languages = LanguageChoice(offered_languages(settings), secure_cookies=secure, has_switch=False)
    app.state.desk = DeskPages(
        pages, Flash(settings.session_secret.get_secret_value()), KnownBrowsers(settings), languages
    )
    pages.mount(app)
    languages.install(app)
    secret = settings.session_secret.get_secret_value()
    FormTokens(secret, settings.desk_url, SESSION_COOKIE, secure_cookies=secure).install(app)
    for part in (
        sign_in,
        single_sign_on,
        availability,
        queue_work,
        participants,
        ticket_writing,
        ticket_canned,
        ticket_details,
        side_conversations,
        tasks,
        merge_page,
        incidents,
        ticket_actions,
        requesters,
        reports,
        time_reports,
        activity_reports,
        held_reports,
        satisfaction_reports,
        saved_reports,
        report_schedules,
        wall_boards,
        what_if,
        staffing,
        account,
        settings_page,
        inbox,
        who_was_told,
        setup,
        rights_watch,
        admin,
    ):
        part.router.include_in(app, include_in_schema=False)


def include_busiest_pages(app: FastAPI) -> None:
    """The queue and a ticket's page, to be looked for before anything else: every route before them costs them.

    A new ticket's page comes before any ticket's, whose number it could be.
    """
    for part in (queue, new_ticket, ticket):
        part.router.include_in(app, include_in_schema=False)
