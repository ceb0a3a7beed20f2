"""What runs beside a service on foreign text: links are taken out of it, and a body becomes safe HTML and text."""

import json

from shared.contracts.redaction import redacted
from shared.contracts.vocabulary import BodyFormat
from shared.kit.user_content.limits import complaint, stripped
from shared.kit.user_content.rendering import rendered
from shared.kit.worker_pool import serve

MEMORY_BYTES = 1024**3
CPU_SECONDS = 2.0
"""For one text: what takes longer is indigestible. Ordinary ones of the largest size take a tenth of it."""
REDACT = b"redact"
"""In the place of a format: the text without our personal links is wanted."""


def work(task: bytes, text: bytes) -> bytes:
    """The clean text, or a body's two forms as JSON; only its text and what is wrong with it if it is indigestible."""
    said = json.loads(text)
    if task == REDACT:
        return json.dumps(redacted(said)).encode()
    body_format = BodyFormat(task.decode())
    if body_format is BodyFormat.HTML and (wrong := complaint(said)):
        return json.dumps({"wrong": wrong, "text": stripped(said)}).encode()
    html, words = rendered(said, body_format)
    return json.dumps({"html": html, "text": words}).encode()


if __name__ == "__main__":
    serve(work, 2, memory_bytes=MEMORY_BYTES, cpu_seconds=CPU_SECONDS)
