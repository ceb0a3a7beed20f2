"""What a life left in Temporal: events, workflow tasks and payload bytes, counted from its history."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client


@dataclass(frozen=True, slots=True)
class Histories:
    """Means per life."""

    events: float
    workflow_tasks: float
    bytes: float


async def histories(client: Client, workflow_ids: Sequence[str]) -> Histories:
    """Reads the histories of these lives."""
    slots = asyncio.Semaphore(8)

    async def one(workflow_id: str) -> tuple[int, int, int]:
        async with slots:
            history = await client.get_workflow_handle(workflow_id).fetch_history()
        done = EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
        tasks = sum(event.event_type == done for event in history.events)
        return len(history.events), tasks, sum(event.ByteSize() for event in history.events)

    found = await asyncio.gather(*map(one, workflow_ids))
    events, tasks, sizes = zip(*found, strict=True)
    return Histories(mean(events), mean(tasks), mean(sizes))
