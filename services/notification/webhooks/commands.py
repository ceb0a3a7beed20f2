"""Changes of endpoints, each with its entry in the audit log; and events sent again."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, insert, literal_column, select, text, update

from services.notification.event_selection import types_of_all
from services.notification.models.webhooks import webhook_deliveries, webhooks
from services.notification.webhooks.schemas import (
    ChangeWebhook,
    CreateWebhook,
    ReplayEvents,
    WebhookDeliveryView,
    WebhookView,
)
from services.notification.webhooks.signing import WebhookSecrets, new_secret
from services.notification.webhooks.status import WebhookDeliveryStatus, WebhookState
from shared.kit.administrator_passes import Administrator
from shared.kit.clock import new_id, utc_now
from shared.kit.configuration_changes import record_change
from shared.kit.db import Session
from shared.kit.http.etags import revision_of
from shared.kit.http.problems import Problem, not_found

MOST_WEBHOOKS = 50
MOST_REPLAYED = 10_000
SHOWN = tuple(webhooks.c[name] for name in WebhookView.model_fields)
CHANGED = ("name", "url", "types", "state", "state_reason")
"""What is another version if it is otherwise; failures and the circuit are not."""
DELIVERY = tuple(webhook_deliveries.c[name] for name in WebhookDeliveryView.model_fields)

OLDER: ColumnElement[Any] = literal_column("""(
  select coalesce(jsonb_agg(one order by one ->> 'until' desc) filter (where place <= 4), '[]') from (
    select one, row_number() over (order by cast(one ->> 'until' as timestamptz) desc) as place
    from jsonb_array_elements(older_secrets || case when previous_until > now() then
      jsonb_build_object('secret', encode(previous_secret, 'hex'), 'until', previous_until) else '[]' end) as one
    where cast(one ->> 'until' as timestamptz) > now()
  ) as kept
)""")
"""The former secrets that still sign once another is added: of many, those that sign longest."""
IN_RANGE = """
from feed_events as feed left join webhook_deliveries as old
  on old.webhook_id = :webhook and old.event_id = feed.event_id
where feed.position > :after and feed.type = any(cast(:types as text[]))
and (cast(:since as timestamptz) is null or feed.recorded_at >= :since)
and (cast(:until as timestamptz) is null or feed.recorded_at < :until)
and (old.id is null or old.status = any(cast(:statuses as text[])))
order by feed.position limit :most
"""
COUNT = text(f"select count(*) from (select feed.position {IN_RANGE}) as found")  # noqa: S608 - constants
REPLAY = text(f"""
insert into webhook_deliveries (id, webhook_id, event_id, position, type, entity_id, status, next_attempt_at)
select gen_random_uuid(), :webhook, feed.event_id, feed.position, feed.type, feed.entity_id, 'queued', now()
{IN_RANGE}
on conflict (webhook_id, event_id) do update
set status = 'queued', attempts = 0, next_attempt_at = now(), last_error = null
where webhook_deliveries.status = any(cast(:statuses as text[]))
""")
SETTLED = {
    "undelivered": [WebhookDeliveryStatus.FAILED.value, WebhookDeliveryStatus.DROPPED.value],
    "all": [
        WebhookDeliveryStatus.FAILED.value,
        WebhookDeliveryStatus.DROPPED.value,
        WebhookDeliveryStatus.DELIVERED.value,
    ],
}


@dataclass(frozen=True, slots=True)
class WebhookCommands:
    """The commands of one administrator in one transaction."""

    session: Session
    by: Administrator
    secrets: WebhookSecrets

    async def create(self, wanted: CreateWebhook) -> tuple[WebhookView, bytes]:
        """Adds an endpoint; returns it with its secret. Raises Problem 409 if there are too many."""
        await self.session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended("webhooks", 0))))
        if (await self.session.scalar(select(func.count()).select_from(webhooks)) or 0) >= MOST_WEBHOOKS:
            raise Problem(409, "too_many_webhooks", f"there are {MOST_WEBHOOKS} webhooks already; remove one first")
        webhook_id, secret = new_id(), new_secret()
        state = WebhookState.PAUSED if wanted.is_paused else WebhookState.ACTIVE
        values = {"id": webhook_id, "name": wanted.name, "url": wanted.url, "types": wanted.types, "state": state.value}
        await self.session.execute(insert(webhooks).values(**values, secret=self.secrets.encrypt(webhook_id, secret)))
        made = await get_webhook(self.session, webhook_id)
        await record_change(self.session, self.by, _subject(made), None, _audited(made))
        return made, secret

    async def change(self, webhook_id: UUID, wanted: ChangeWebhook, if_match: str | None = None) -> WebhookView:
        """Changes what was given. Raises Problem 404, and 412 if it was changed since it was read."""
        before = await self._locked(webhook_id)
        expected = revision_of(if_match)
        if expected is not None and expected != before.version:
            raise Problem(412, "version_conflict", "the webhook was changed since you read it")
        values = wanted.model_dump(exclude_none=True)
        if "url" in values and values["url"] != before.url:
            values |= {"failures": 0, "open_until": None}
        return await self._update(before, values)

    async def pause(self, webhook_id: UUID) -> WebhookView:
        """Stops sending; events wait. Raises Problem 404, and 409 for a disabled endpoint."""
        before = await self._locked(webhook_id)
        if before.state is WebhookState.DISABLED:
            raise Problem(409, "webhook_disabled", "it is disabled: enable it first")
        return await self._update(before, {"state": WebhookState.PAUSED.value})

    async def enable(self, webhook_id: UUID) -> WebhookView:
        """Sends again: what has waited, and what comes. Raises Problem 404."""
        values = {"state": WebhookState.ACTIVE.value, "state_reason": None, "failures": 0, "open_until": None}
        return await self._update(await self._locked(webhook_id), values)

    async def rotate(self, webhook_id: UUID, overlap: timedelta) -> tuple[WebhookView, bytes]:
        """Gives it a new secret; the former one signs as well for a while. Raises Problem 404.

        So does one that was followed before and whose time is not over: whoever rotates twice, because the first answer
        was lost, has a receiver that knows only the oldest. Without an overlap all former ones end at once.
        """
        before, secret = await self._locked(webhook_id), new_secret()
        values = {
            "older_secrets": OLDER if overlap else literal_column("'[]'::jsonb"),
            "secret": self.secrets.encrypt(webhook_id, secret),
            "previous_secret": webhooks.c.secret if overlap else None,
            "previous_until": utc_now() + overlap if overlap else None,
        }
        return await self._update(before, values, note="new secret"), secret

    async def remove(self, webhook_id: UUID) -> None:
        """Removes it with its deliveries. Raises Problem 404."""
        before = await self._locked(webhook_id)
        await self.session.execute(delete(webhooks).where(webhooks.c.id == webhook_id))
        await record_change(self.session, self.by, _subject(before), _audited(before), None)

    async def replay_one(self, webhook_id: UUID, delivery_id: UUID) -> WebhookDeliveryView:
        """Sends a settled delivery again. Raises Problem 404, and 409 for one that is still under way."""
        place = (webhook_deliveries.c.id == delivery_id, webhook_deliveries.c.webhook_id == webhook_id)
        row = (await self.session.execute(select(*DELIVERY).where(*place).with_for_update())).one_or_none()
        if row is None:
            raise not_found("delivery")
        if row.status not in SETTLED["all"]:
            raise Problem(409, "under_way", f"the delivery is {row.status}; only one that has ended is sent again")
        again = {"status": "queued", "attempts": 0, "next_attempt_at": func.now(), "last_error": None}
        await self.session.execute(update(webhook_deliveries).where(*place).values(**again))
        return await get_delivery(self.session, webhook_id, delivery_id)

    async def replay(self, webhook_id: UUID, wanted: ReplayEvents) -> int:
        """Queues events of the feed for an endpoint, or only counts them; returns how many. Raises Problem 404."""
        webhook = await self._locked(webhook_id)
        parameters = {
            "webhook": webhook_id,
            "types": sorted(types_of_all(webhook.types)),
            "after": int(wanted.after or 0),
            "since": webhook.created_at if wanted.since is None and wanted.after is None else wanted.since,
            "until": wanted.until,
            "statuses": SETTLED[wanted.which],
            "most": MOST_REPLAYED,
        }
        if wanted.dry_run:
            return await self.session.scalar(COUNT, parameters) or 0
        done = await (await self.session.connection()).execute(REPLAY, parameters)
        note = f"{done.rowcount} events sent again"
        await record_change(self.session, self.by, _subject(webhook), _audited(webhook), _audited(webhook), note=note)
        return done.rowcount

    async def _locked(self, webhook_id: UUID) -> WebhookView:
        return await get_webhook(self.session, webhook_id, is_locked=True)

    async def _update(self, before: WebhookView, values: Mapping[str, Any], note: str = "") -> WebhookView:
        shown = {name: value for name, value in values.items() if name in CHANGED}
        if not note and all(getattr(before, name) == value for name, value in shown.items()):
            changed = {name: value for name, value in values.items() if name not in shown}
        else:
            changed = {**values, "version": webhooks.c.version + 1, "updated_at": func.now()}
        if changed:
            await self.session.execute(update(webhooks).where(webhooks.c.id == before.id).values(**changed))
        after = await get_webhook(self.session, before.id)
        await record_change(self.session, self.by, _subject(after), _audited(before), _audited(after), note=note)
        return after


async def get_webhook(session: Session, webhook_id: UUID, *, is_locked: bool = False) -> WebhookView:
    """Returns an endpoint. Raises Problem 404."""
    query = select(*SHOWN).where(webhooks.c.id == webhook_id)
    row = (await session.execute(query.with_for_update() if is_locked else query)).one_or_none()
    if row is None:
        raise not_found("webhook")
    return WebhookView.model_validate(row)


async def get_delivery(session: Session, webhook_id: UUID, delivery_id: UUID) -> WebhookDeliveryView:
    """Returns a delivery. Raises Problem 404."""
    place = (webhook_deliveries.c.id == delivery_id, webhook_deliveries.c.webhook_id == webhook_id)
    row = (await session.execute(select(*DELIVERY).where(*place))).one_or_none()
    if row is None:
        raise not_found("delivery")
    return WebhookDeliveryView.model_validate(row)


def _subject(webhook: WebhookView) -> tuple[str, str, str]:
    return "webhook", str(webhook.id), webhook.name


def _audited(webhook: WebhookView) -> dict[str, Any]:
    """What the audit log shows of an endpoint; not the query of its address, where tokens are found."""
    url = webhook.url.partition("?")[0]
    return {"name": webhook.name, "url": url, "types": webhook.types, "condition": webhook.state.value}
