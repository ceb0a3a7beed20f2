"""Whether a person may write to us, as intake's list of bans says."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.assignment.app_state import AppState
from services.assignment.queries.access.callers import Caller
from services.assignment.web.admin.intake.admin_client import ask, every
from shared.kit.http.problems import Problem
from shared.kit.http.sibling_service import in_path


@dataclass(frozen=True, slots=True)
class BanState:
    """The bans that concern a person's addresses."""

    banned: tuple[str, ...] = ()
    """Addresses that are banned one by one."""
    reason: str = ""
    by_domain: tuple[str, ...] = ()
    """Bans of whole domains; they are lifted on the page of bans."""
    is_known: bool = True
    """False while intake does not answer."""


async def ban_state(context: AppState, caller: Caller, emails: Sequence[str]) -> BanState:
    """What intake says about these addresses."""
    try:
        bans = {ban["pattern"]: ban["reason"] for ban in await every(context, caller, "/bans")}
    except Problem:
        return BanState(is_known=False)
    banned = tuple(email for email in emails if email in bans)
    domains = [email.rpartition("@")[2] for email in emails]
    wide = tuple(
        sorted(
            {
                pattern
                for pattern in bans
                if pattern.startswith("@") and any(f".{one}".endswith(f".{pattern[1:]}") for one in domains)
            }
        )
    )
    return BanState(banned, bans[banned[0]] if banned else "", wide)


async def ban_addresses(context: AppState, caller: Caller, emails: Sequence[str], reason: str) -> None:
    """Bans every address of a person. Raises Problem 422 for a reason that cannot be kept, 503 without intake."""
    for email in emails:
        await ask(context, caller, "POST", "/bans", {"pattern": email, "reason": reason})


async def lift_bans(context: AppState, caller: Caller, emails: Sequence[str]) -> None:
    """Lets every address write again; one that is not banned is passed over."""
    for email in emails:
        try:
            await ask(context, caller, "DELETE", f"/bans/{in_path(email)}")
        except Problem as problem:
            if problem.status != 404:
                raise
