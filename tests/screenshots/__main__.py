"""`python -m tests.screenshots`: starts a system, works some tickets, and pictures its pages in docs/screens."""

import asyncio
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.local.running import LocalStack
from tests.screenshots.camera import Camera
from tests.screenshots.sample_tickets import set_up
from tests.support.api import SystemClients

SCREENS = Path(__file__).resolve().parents[2] / "docs" / "screens"


async def main() -> int:
    """The exit status: 0 once every picture is written."""
    SCREENS.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="everdesk-screens-") as folder:
        stack = LocalStack.in_folder(Path(folder), has_stubs=False)
        await stack.start(within=120)
        try:
            scene = await set_up(SystemClients(stack.described()))
            async with Camera.opened(SCREENS) as camera:
                await camera.take_all(scene)
        finally:
            await stack.stop()
    for picture in sorted(SCREENS.glob("*.webp")):
        print(f"{picture.relative_to(SCREENS.parents[1])}  {picture.stat().st_size // 1024} KB")
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
