"""A collector that takes spans as OTLP over HTTP in JSON, and keeps them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


class TraceCollector:
    """What was received: each span with the name of its process as `service`."""

    def __init__(self, port: int) -> None:
        self.spans: list[dict[str, Any]] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                collector.take(body)
                self.send_response(200 if self.path == "/v1/traces" else 404)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"

    def take(self, document: dict[str, Any]) -> None:
        """Keeps the spans of one request."""
        for resource in document["resourceSpans"]:
            names = {item["key"]: item["value"]["stringValue"] for item in resource["resource"]["attributes"]}
            for scope in resource["scopeSpans"]:
                self.spans += [span | {"service": names["service.name"]} for span in scope["spans"]]

    @contextmanager
    def listening(self) -> Iterator["TraceCollector"]:
        """For as long as the block lasts."""
        thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()
