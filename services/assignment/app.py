"""Builds the assignment service from its settings: its state, its routes, and its background jobs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial

from fastapi import FastAPI

from services.assignment.access.sign_in import forget_expired
from services.assignment.access.single_sign_on.flow import forget_used
from services.assignment.analysis_runs.commands import forget_old_runs
from services.assignment.analysis_runs.runner import carry_out_analyses
from services.assignment.api import body_limit, include_routes, scim
from services.assignment.api.people_only import install_people_only
from services.assignment.app_state import AppState, ConcurrencyLimit
from services.assignment.backlog.job import forget_settled, run_backlog_job
from services.assignment.commands.configuration.feed_refresh import keep_feeds_fresh
from services.assignment.commands.conversation.agent_files import forget_expired_files
from services.assignment.commands.conversation.drafts import forget_old_drafts
from services.assignment.commands.conversation.presence import forget_presence
from services.assignment.commands.execution import intents
from services.assignment.commands.execution.intent_recovery import resend_intents
from services.assignment.commands.held_replies import send_held_replies
from services.assignment.commands.people.announcements import announce_anew
from services.assignment.commands.tickets.returns import forget_told, return_tickets
from services.assignment.consumers import build_consumers
from services.assignment.desk_jobs.bulk_runner import carry_out_bulk_jobs, forget_old_jobs
from services.assignment.desk_jobs.export_writer import forget_expired_exports, write_exports
from services.assignment.desk_jobs.sweep import sweep_jobs
from services.assignment.holiday_feed import FeedReader
from services.assignment.intake_client import IntakeClient
from services.assignment.live.change_streams import ChangeStreams
from services.assignment.live.ticket_changes import TicketChanges
from services.assignment.measures import measure_tickets
from services.assignment.queries.access.caller_cache import CallerCache
from services.assignment.queries.administration.policies import PolicyCache
from services.assignment.queries.ticket_page.places import find_places
from services.assignment.reporting.aggregation import keep_activity_counted
from services.assignment.reporting.backlog_counting import keep_backlog_counted
from services.assignment.reporting.clock_counting import keep_clocks_counted
from services.assignment.reporting.report_sending import send_due_reports
from services.assignment.routing.agent_loads import keep_loads_added_up
from services.assignment.routing_rules.counts import keep_counts
from services.assignment.settings import AssignmentSettings
from services.assignment.setup.naming import read_name
from services.assignment.siblings import Siblings
from services.assignment.sla_analysis.rollout_runner import carry_out_rollouts
from services.assignment.web import include_busiest_pages, install_web
from shared.kit import outbox
from shared.kit.attention import Attention
from shared.kit.audit_log import prune_audit_log
from shared.kit.auth import AgentProofs, FileLinks
from shared.kit.bus import Bus, run_consumer
from shared.kit.cleanup import run_cleanup
from shared.kit.clock import utc_now
from shared.kit.db import Database, dsn_of
from shared.kit.http.app import create_app
from shared.kit.http.path_prefix import path_of
from shared.kit.http.rate_limits import RateLimiter
from shared.kit.http.safe_client import SafeHttpClient
from shared.kit.leadership import run_by_one
from shared.kit.measures import Measures
from shared.kit.outbox_measures import outbox_measure
from shared.kit.processes import Job, background
from shared.kit.relay import Relay
from shared.kit.shared_budgets import SharedBudgets, forget_whole_budgets
from shared.kit.tickets import Tickets

SERVICE = "assignment"
SIGN_ONS_PER_MINUTE = 120
"""Begun and finished at the identity provider, per network: a whole office may share one address."""
BACK_CHANNEL_PER_MINUTE = 1_200
"""Of one network: a provider that ends everybody's sessions sends a token for each."""
REFUSED_TOKENS_PER_MINUTE = 60
"""Service tokens that do not work, per network."""


def build(settings: AssignmentSettings) -> FastAPI:
    """The service: connections are made when it starts, and none of them has to be there already."""
    bus = Bus(settings, SERVICE)
    database = Database.connect(settings)
    returns, backlog = Attention(), Attention()

    def look_for_work() -> None:
        returns.wake()
        backlog.wake()

    relay = Relay(dsn_of(settings), bus, SERVICE, look_for_work)
    database.publish_with(relay.publish)
    changes = TicketChanges(bus, partial(find_places, database))
    callers = CallerCache(database, dsn_of(settings), settings.session_idle)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        tickets = await Tickets.connect(settings)
        gate = ConcurrencyLimit(settings.database_pool_size // 2)
        outgoing = SafeHttpClient(settings.outgoing_allowed_networks, allowed_hosts=settings.outgoing_allowed_hosts)
        context = AppState(
            settings=settings,
            database=database,
            tickets=tickets,
            relay=relay,
            policies=PolicyCache(),
            callers=callers,
            command_limit=gate,
            http_client=outgoing,
            feed_reader=FeedReader(),
            file_links=FileLinks(settings),
            siblings=Siblings.of(settings),
            intake=IntakeClient(settings.intake_url or settings.portal_url, AgentProofs(settings)),
            streams=ChangeStreams(changes),
            returns=returns,
            backlog=backlog,
        )
        app.state.app_state, app.state.renderer = context, context.renderer
        await bus.start()
        consumers = {
            one.name: partial(run_consumer, bus, one, context.renderer.redact_if_possible)
            for one in build_consumers(context)
        }
        keeping = partial(
            run_cleanup,
            database,
            settings,
            lambda session: forget_expired(session, utc_now()),
            forget_used,
            forget_whole_budgets,
            lambda session: intents.forget_older_than(session, timedelta(hours=settings.answer_hours)),
            forget_told,
            forget_settled,
            forget_expired_files,
            forget_old_drafts,
            forget_presence,
            forget_old_jobs,
            forget_expired_exports,
            forget_old_runs,
            lambda session: prune_audit_log(session, timedelta(days=settings.audit_days), utc_now()),
        )
        shared_jobs: dict[str, Job] = {
            "housekeeping": keeping,
            "feeds": partial(keep_feeds_fresh, context),
            "announcements": partial(announce_anew, database),
            "activity": partial(keep_activity_counted, context),
            "clock-counts": partial(keep_clocks_counted, context),
            "loads": partial(keep_loads_added_up, database),
            "backlog-counts": partial(keep_backlog_counted, context),
        }
        jobs: dict[str, Job] = {
            "relay": relay.run,
            "access": callers.run,
            "changes": changes.run,
            "organisation-name": partial(app.state.desk.organisation.keep, database, read_name),
            "bulk": partial(carry_out_bulk_jobs, context),
            "exports": partial(write_exports, context),
            "analyses": partial(carry_out_analyses, context),
            "job-sweep": partial(sweep_jobs, context),
            "shared": run_by_one(dsn_of(settings), SERVICE, shared_jobs),
            "rollouts": partial(carry_out_rollouts, context),
            "returns": partial(return_tickets, context),
            "backlog": partial(run_backlog_job, context),
            "intents": partial(resend_intents, context),
            "intent-leases": partial(intents.renew_leases, database, tickets.under_way),
            "rule-counts": partial(keep_counts, context.match_counts, database),
            "report-schedules": partial(send_due_reports, context),
            "held-replies": partial(send_held_replies, context),
            **consumers,
        }
        app.state.stopping.when_begun(relay.hand_over)
        async with background(jobs, app.state.stopping, kept=("relay", "access", "changes", "rule-counts")):
            yield
        await context.renderer.close()
        await context.siblings.close()
        await context.intake.close()
        await bus.stop()
        await database.dispose()

    async def ping_temporal() -> None:
        await app.state.app_state.tickets.ping()

    app = create_app(
        title="Everdesk assignment",
        service=SERVICE,
        settings=settings,
        lifespan=lifespan,
        needed={"database": database.check_writable},
        wanted={
            "bus": bus.check_connected,
            "stream": bus.check_writable,
            "outbox": lambda: outbox.check_age(database),
            "temporal": ping_temporal,
        },
        body_limit=body_limit,
        prefix=path_of(settings.desk_url),
    )
    app.state.measures = Measures(
        {"outbox": outbox_measure(database, SERVICE), "tickets": partial(measure_tickets, database)}
    )
    _add_limiters(app, settings, SharedBudgets(database, settings))
    include_busiest_pages(app)
    include_routes(app)
    scim.router.include_in(app)
    install_people_only(app)
    install_web(app, settings)
    return app


def _add_limiters(app: FastAPI, settings: AssignmentSettings, budgets: SharedBudgets) -> None:
    """The budgets of those who call, by agent, token or network."""
    app.state.limiter = RateLimiter("agent", settings.agent_requests_per_minute, shared=budgets)
    app.state.program_limiter = RateLimiter("service-token", settings.service_token_requests_per_minute, shared=budgets)
    app.state.sign_on_limiter = RateLimiter("single-sign-on", SIGN_ONS_PER_MINUTE, shared=budgets)
    app.state.back_channel_limiter = RateLimiter("back-channel", BACK_CHANNEL_PER_MINUTE, shared=budgets)
    app.state.refused_token_limiter = RateLimiter("refused-token", REFUSED_TOKENS_PER_MINUTE, shared=budgets)
