"""Writes the configuration's changes into the audit log, in the transaction that makes them."""

from pydantic import BaseModel

from services.assignment.queries.access.callers import Caller
from services.assignment.schemas.canned_responses import CannedResponseView
from services.assignment.schemas.installation import InstallationView
from services.assignment.schemas.organisations import OrganisationView
from services.assignment.schemas.people import AgentView, RoleView, TeamView
from services.assignment.schemas.provisioning import DirectoryGroupView, DirectoryUserView, GroupRolesView
from services.assignment.schemas.requesters import RequesterAudit
from services.assignment.schemas.rollouts import RolloutView
from services.assignment.schemas.routing_rules import RoutingRuleView
from services.assignment.schemas.rules import CalendarView, PolicyView
from services.assignment.schemas.service_tokens import ServiceTokenView
from services.assignment.schemas.single_sign_on import ProviderLinkView, SingleSignOnView
from shared.contracts.vocabulary import ActorKind
from shared.kit.audit_log import AuditedChange, append_change
from shared.kit.clock import utc_now
from shared.kit.db import Session

KINDS: dict[type[BaseModel], str] = {
    AgentView: "agent",
    TeamView: "team",
    RoleView: "role",
    PolicyView: "sla-policy",
    CalendarView: "calendar",
    RoutingRuleView: "routing-rule",
    OrganisationView: "organisation",
    InstallationView: "installation",
    RequesterAudit: "requester",
    RolloutView: "rollout",
    ServiceTokenView: "service-token",
    GroupRolesView: "group-roles",
    SingleSignOnView: "single-sign-on",
    ProviderLinkView: "sign-on-link",
    DirectoryUserView: "directory-user",
    DirectoryGroupView: "directory-group",
    CannedResponseView: "canned-response",
}
"""What the log calls each kind of thing."""
ITSELF = "Everdesk"
_ACTOR = "audit_actor"
NOT_AUDITED = frozenset({"version", "created_at", "updated_at", "feed_status", "counts", "history", "last_used_at"})
"""Fields that change with every change, or by themselves, and say nothing about it."""


def set_actor(session: Session, by: Caller) -> None:
    """Says who makes the changes of a transaction; without it, Everdesk makes them itself."""
    session.info[_ACTOR] = by


async def record_change(session: Session, before: BaseModel | None, after: BaseModel | None, *, note: str = "") -> None:
    """Logs that something was added (no `before`), changed or removed (no `after`), if anything differs.

    `note` names a change that may not be shown, such as a new password.
    """
    by: Caller | None = session.info.get(_ACTOR)
    subject = after or before
    if subject is None:
        return
    old, new = _shown(before), _shown(after)
    if note and new is not None:
        new |= {"note": note}
    if old == new:
        return
    verb = "added" if before is None else "removed" if after is None else "changed"
    await append_change(
        session,
        AuditedChange(
            actor_id=audit_actor_id(by),
            actor_name=by.name if by else ITSELF,
            address=by.address if by else "",
            action=f"{KINDS[type(subject)]}.{verb}",
            subject_id=_id_of(subject),
            subject_name=_name_of(subject),
            before=old,
            after=new,
        ),
        utc_now(),
    )


def audit_actor_id(by: Caller | None) -> str:
    """An agent's id, `program:` and a service token's id, or nothing for Everdesk itself."""
    if by is None or by.kind is ActorKind.SYSTEM:
        return ""
    return str(by.agent_id) if by.is_person else f"{by.kind.value}:{by.agent_id}"


def _shown(view: BaseModel | None) -> dict[str, object] | None:
    return view.model_dump(mode="json", exclude=set(NOT_AUDITED)) if view is not None else None


def _id_of(view: BaseModel) -> str:
    return str(getattr(view, "id", None) or getattr(view, "slug", ""))


def _name_of(view: BaseModel) -> str:
    if isinstance(view, RoutingRuleView):
        return view.name or f"Rule at position {view.position}"
    if isinstance(view, RolloutView):
        return f"Roll-out of version {view.version}"
    return str(getattr(view, "name", "") or getattr(view, "title", "") or getattr(view, "organisation", ""))
