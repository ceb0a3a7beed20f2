"""`python -m tests.contracts`: writes `docs/events` anew after an event was added or changed."""

import json

from services.notification.asyncapi import document
from shared.contracts.events import EVENTS
from tests.contracts.examples import sample_text
from tests.contracts.files import ASYNCAPI, sample_file

if __name__ == "__main__":
    ASYNCAPI.parent.mkdir(parents=True, exist_ok=True)
    ASYNCAPI.write_text(json.dumps(document(), indent=2, ensure_ascii=False) + "\n")
    for event in EVENTS.values():
        sample_file(event).write_text(sample_text(event.type()))
