"""What runs in a rendering process: a body in, its safe HTML and its text out."""

import json

from shared.contracts.vocabulary import BodyFormat
from shared.kit.user_content.rendering import rendered
from shared.kit.worker_pool import serve

MEMORY_BYTES = 1024**3
CPU_SECONDS = 2.0
"""For one body: what takes longer is indigestible. Ordinary bodies of the largest size take a tenth of it."""


def render(body_format: bytes, body: bytes) -> bytes:
    """The body's two forms, as JSON."""
    return json.dumps(rendered(body.decode(), BodyFormat(body_format.decode()))).encode()


if __name__ == "__main__":
    serve(render, 2, memory_bytes=MEMORY_BYTES, cpu_seconds=CPU_SECONDS)
