"""A real HTTP server on loopback that serves files, and fails in the ways that servers fail."""

from __future__ import annotations

import http.server
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

Fault = Literal[
    "drops",  # closes the connection half-way
    "drops once",
    "lies",  # states a longer length than it sends
    "other length",  # has a whole file of another length
    "error page",  # answers 200 with a page
    "missing",  # answers 404
    "unavailable once",  # answers 503, then works
    "no ranges",  # always begins anew
    "wrong range",  # answers another range than was asked for
    "no length",  # states none, and ends
    "endless",  # states none, and does not end
    "flips",  # changes a byte
]


@dataclass
class Served:
    """What is served, how it goes wrong, and what was asked for."""

    files: dict[str, bytes]
    faults: set[Fault] = field(default_factory=set)
    ranges: list[str] = field(default_factory=list)
    """The Range of each request, or nothing where there was none."""
    sent_bytes: int = 0
    url: str = ""


class _Handler(http.server.BaseHTTPRequestHandler):
    served: Served
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Serve a file, or do what the faults say."""
        served, faults = self.served, self.served.faults
        wanted = self.headers.get("Range", "")
        served.ranges.append(wanted)
        data = served.files[self.path.lstrip("/")]
        if "missing" in faults:
            return self.answer(404, b"<html>not here</html>", "text/html")
        if "unavailable once" in faults:
            faults.discard("unavailable once")
            return self.answer(503, b"later", "text/plain")
        if "error page" in faults:
            return self.answer(200, b"<html>please log in</html>", "text/html")
        if "other length" in faults:
            data = data + b"more"
        if "flips" in faults:
            data = data[:-9] + bytes([data[-9] ^ 1]) + data[-8:]
        start = 0
        if (match := re.fullmatch(r"bytes=(\d+)-", wanted)) and "no ranges" not in faults:
            start = int(match[1]) if "wrong range" not in faults else int(match[1]) + 1
        return self.answer(206 if start else 200, data[start:], "application/x-7z-compressed", start)

    def answer(self, status: int, body: bytes, kind: str, start: int = 0) -> None:
        """Send a body, or as much of it as the faults let through."""
        faults = self.served.faults
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{start + len(body) - 1}/{start + len(body)}")
        if not faults & {"no length", "endless"}:
            self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        if faults & {"drops", "drops once", "lies"}:
            body = body[: len(body) // 2]
            faults.discard("drops once")
        elif "endless" in faults:
            body = body + bytes(1 << 20)
        self.wfile.write(body)
        self.served.sent_bytes += len(body)
        self.close_connection = True

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nothing."""


@contextmanager
def serve(files: dict[str, bytes]) -> Iterator[Served]:
    """Serve ``files`` for as long as this lasts."""
    served = Served(files)
    handler = type("Handler", (_Handler,), {"served": served})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        served.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield served
        finally:
            server.shutdown()
            thread.join()
