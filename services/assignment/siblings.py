"""Clients of the admin APIs of intake and notification."""

from dataclasses import dataclass
from typing import Self

from services.assignment.settings import AssignmentSettings
from shared.kit.administrator_passes import AdministratorPasses
from shared.kit.http.sibling_service import SiblingService


@dataclass(frozen=True, slots=True)
class Siblings:
    """Intake and notification."""

    intake: SiblingService
    notification: SiblingService

    @classmethod
    def of(cls, settings: AssignmentSettings) -> Self:
        """Connected to nothing yet."""
        passes = AdministratorPasses(settings)
        return cls(
            SiblingService("intake", settings.intake_url or settings.portal_url, passes),
            SiblingService("notification", settings.notification_url, passes),
        )

    async def close(self) -> None:
        """Ends the connections."""
        await self.intake.close()
        await self.notification.close()
