"""Stand-ins for the services and the worker: they answer `/readyz` and write down what they were told."""

from pathlib import Path

_SERVER = """
import json, os, signal, sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

name, verb = NAME, (sys.argv[1:] or ["serve"])[0]
told = {key: value for key, value in os.environ.items() if key.startswith("EVERDESK_")}
folder = Path(os.environ["EVERDESK_STUB_DIR"])
(folder / f"{name}-{verb}.json").write_text(json.dumps({"env": told, "argv": sys.argv}))
print(f"{name} {verb} speaking", flush=True)
if (folder / f"{name}-{verb}.fails").exists():
    sys.exit("the stub was told to fail")
if (folder / f"{name}-{verb}.stubborn").exists():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if verb not in ("serve", "mail"):
    sys.exit(0)


class Ready(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args):
        pass


HTTPServer((os.environ["EVERDESK_HOST"], int(os.environ["EVERDESK_PORT"])), Ready).serve_forever()
"""


def write_stubs(folder: Path) -> None:
    """Importable as `services.<name>.main` and `workflows.worker` once `folder` is on PYTHONPATH."""
    for name in ("intake", "assignment", "notification"):
        _module(folder / "services" / name / "main.py", name)
    _module(folder / "workflows" / "worker.py", "worker")


def _module(path: Path, name: str) -> None:
    path.parent.mkdir(parents=True)
    path.write_text(_SERVER.replace("NAME", repr(name)))
    for package in (path.parent, path.parent.parent):
        if package.name in {"services", "workflows"} or package.parent.name == "services":
            (package / "__init__.py").touch()
