"""All checks of `everdesk doctor`, run together; what one of them fails at never hides what the others found."""

import asyncio
from collections.abc import Awaitable, Callable

from deploy.cli.doctor.certificates import check_certificates
from deploy.cli.doctor.findings import Finding, unknown
from deploy.cli.doctor.machine import check_machine
from deploy.cli.doctor.mail_servers import check_mail_servers
from deploy.cli.doctor.nats import check_bus
from deploy.cli.doctor.postgres import check_databases
from deploy.cli.doctor.process_environments import ProcessEnvironments
from deploy.cli.doctor.restores import check_restores
from deploy.cli.doctor.temporal import check_temporal

DoctorCheck = Callable[[ProcessEnvironments], Awaitable[list[Finding]]]
CHECKS: dict[str, DoctorCheck] = {
    "postgres": check_databases,
    "nats": check_bus,
    "temporal": check_temporal,
    "mail": check_mail_servers,
    "certificates": check_certificates,
    "machine": check_machine,
    "restore": check_restores,
}
WITHIN = 40.0


async def examine(around: ProcessEnvironments) -> list[Finding]:
    """Everything that the checks found, in their order."""
    results = await asyncio.gather(*(_within(name, check, around) for name, check in CHECKS.items()))
    return [finding for several in results for finding in several]


async def _within(name: str, check: DoctorCheck, around: ProcessEnvironments) -> list[Finding]:
    try:
        async with asyncio.timeout(WITHIN):
            return await check(around)
    except TimeoutError:
        return [unknown(name, "check", f"no result within {WITHIN:.0f} s")]
    except Exception as problem:  # noqa: BLE001 - whatever it is, it is told
        return [unknown(name, "check", f"the check failed: {type(problem).__name__}: {problem}"[:300])]
