"""The containers' health check: exit 0 when a URL answers 200 or a port accepts.

Standard library only and no imports of ours, because it starts every few seconds.
`python healthcheck.py` asks our own `/readyz`; `http://host:port/path` or `tcp://host:port` asks another.
"""

import os
import socket
import sys
from urllib.parse import urlsplit

TIMEOUT = 4.0


def main(arguments: list[str]) -> int:
    target = arguments[0] if arguments else f"http://127.0.0.1:{os.environ.get('EVERDESK_PORT', '8000')}/readyz"
    try:
        answer = ask(target)
    except (OSError, ValueError) as problem:
        answer = f"{type(problem).__name__}: {problem}"
    if answer == "":
        return 0
    sys.stderr.write(f"{target}: {answer}\n")
    return 1


def ask(target: str) -> str:
    """Empty when all is well, else what is wrong."""
    url = urlsplit(target)
    if url.scheme not in ("http", "tcp") or url.hostname is None or url.port is None:
        raise ValueError("expected http://host:port/path or tcp://host:port")
    with socket.create_connection((url.hostname, url.port), TIMEOUT) as connection:
        if url.scheme == "tcp":
            return ""
        connection.settimeout(TIMEOUT)
        connection.sendall(f"GET {url.path or '/'} HTTP/1.0\r\nHost: {url.netloc}\r\n\r\n".encode("ascii"))
        received = b"".join(iter(lambda: connection.recv(4096), b""))
    head, _, body = received.partition(b"\r\n\r\n")
    status_line = head.partition(b"\r\n")[0].split()
    if len(status_line) > 1 and status_line[1] == b"200":
        return ""
    return (head.partition(b"\r\n")[0] + b" " + body[:500]).decode(errors="replace").strip() or "no answer"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
