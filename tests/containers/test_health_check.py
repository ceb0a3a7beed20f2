"""The containers' health check believes an answer, not an open port, unless it was asked about the port."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tests.containers.compose_text import ROOT


class Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/readyz" else 503)
        self.end_headers()
        self.wfile.write(b'{"status":"not_ready"}')

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Silent."""


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    server = HTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join()


def check(*arguments: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", "-S", str(ROOT / "deploy" / "healthcheck.py"), *arguments]
    return subprocess.run(command, env=environment or {}, capture_output=True, text=True, check=False)


def test_without_an_argument_it_asks_our_own_readyz(port: int) -> None:
    assert check(environment={"EVERDESK_PORT": str(port)}).returncode == 0


def test_an_answer_other_than_200_is_a_failure_that_says_why(port: int) -> None:
    refused = check(f"http://127.0.0.1:{port}/other")
    assert refused.returncode == 1
    assert "503" in refused.stderr
    assert "not_ready" in refused.stderr


def test_an_open_port_is_enough_when_only_the_port_was_asked_about(port: int) -> None:
    assert check(f"tcp://127.0.0.1:{port}").returncode == 0


@pytest.mark.parametrize("target", ["tcp://127.0.0.1:1", "http://127.0.0.1:1/readyz", "127.0.0.1:80", "ftp://x:1/"])
def test_nobody_there_and_nonsense_are_failures(target: str) -> None:
    assert check(target).returncode == 1
