"""`stack.json`: the running stack described for scripts; there while it runs, gone when it stops."""

import json
from collections.abc import Mapping
from pathlib import Path

from deploy.local.demo_accounts import DEMO_ACCOUNTS
from deploy.local.private_files import write_private
from deploy.local.stack_secrets import StackSecrets


class StackFile:
    def __init__(
        self,
        path: Path,
        urls: Mapping[str, str],
        ports: Mapping[str, int],
        secrets: StackSecrets,
        *,
        has_demo: bool = True,
    ) -> None:
        self._path = path
        self._description = {
            "urls": dict(urls),
            "ports": dict(ports),
            "pids": {},
            "credentials": {
                "api_key": secrets.api_key,
                "operator_token": secrets.operator,
                "agents": [
                    {"email": account.email, "password": secrets.agent_password, "role": account.role}
                    for account in (DEMO_ACCOUNTS if has_demo else ())
                ],
            },
        }

    def write(self, pids: Mapping[str, int]) -> None:
        write_private(self._path, json.dumps({**self._description, "pids": dict(pids)}, indent=2) + "\n")

    def remove(self) -> None:
        self._path.unlink(missing_ok=True)
