"""The application state of notification: what every request may need, built once in `app`."""

from collections.abc import Callable
from dataclasses import dataclass

from services.notification.settings import NotificationSettings
from shared.kit.administrator_passes import AdministratorPasses
from shared.kit.bus import Bus, DeadLetters
from shared.kit.db import Database


@dataclass(frozen=True, slots=True)
class AppState:
    """Notification's settings and connections."""

    settings: NotificationSettings
    database: Database
    bus: Bus
    dead_letters: DeadLetters
    wake_sender: Callable[[], None]
    passes: AdministratorPasses
