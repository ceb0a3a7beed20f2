"""Where the events' documents are."""

from pathlib import Path

from shared.contracts.events import Event

DOCS = Path(__file__).parents[2] / "docs" / "events"
ASYNCAPI = DOCS / "asyncapi.json"
SAMPLES = DOCS / "samples"


def sample_file(event: type[Event]) -> Path:
    """The sample of an event class; a new version gets a file of its own."""
    version = "" if event.event_version == 1 else f".v{event.event_version}"
    return SAMPLES / f"{event.event_name}{version}.json"
