"""The incident log for tests: read once, shifted ahead of the servers' clocks."""

import os
from dataclasses import dataclass
from datetime import timedelta

import pytest

from shared.contracts.policies import PolicySnapshot
from shared.kit.clock import utc_now
from tests.replay.incident_log import LOG, Incident, NoLog, read, weeks_until
from tests.replay.policy import policy_from


@dataclass
class RealLife:
    """Every incident, in a time to come, and the policy it is played under."""

    incidents: list[Incident]
    policy: PolicySnapshot


@pytest.fixture(scope="session")
def real_life() -> RealLife:
    if not LOG.exists() and os.environ.get("CI") != "true":
        pytest.skip(str(NoLog(LOG)))
    log = read()
    first = min(incident.opened_at for incident in log)
    shift = weeks_until(first, utc_now() + timedelta(hours=1))
    return RealLife([incident.shifted(shift) for incident in log], policy_from(first + shift))
