"""The one effect a ticket's workflow has on the world: its events are published."""

from temporalio import activity

from shared.contracts.events import Envelope
from shared.kit.bus import Bus
from workflows.options import PUBLISH_EVENTS


class PublishActivities:
    """Publishes events to JetStream, which keeps one of each id."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    @activity.defn(name=PUBLISH_EVENTS)
    async def publish_events(self, batch: list[Envelope]) -> None:
        """Returns once every event is durable. Raises BusUnavailable, and is tried again."""
        await self._bus.publish_all(batch)
