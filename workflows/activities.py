"""The activities of the ticket workflow."""

from temporalio import activity

from shared.contracts.events import Envelope
from shared.kit.bus import Bus
from workflows.options import PUBLISH_EVENTS


class PublishActivities:
    """Publishes events to JetStream, which drops duplicates by event id."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    @activity.defn(name=PUBLISH_EVENTS)
    async def publish_events(self, batch: list[Envelope]) -> None:
        """Returns once every event is stored. Raises BusUnavailable, upon which Temporal retries it."""
        await self._bus.publish_all(batch)
