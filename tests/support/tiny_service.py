"""A service that does nothing but answer: for tests of what starts, watches and stops services."""

from __future__ import annotations

import os
import sys
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from local.embedded.ports import LOOPBACK


class Answer(BaseHTTPRequestHandler):
    """Says which process it is; ends it on /crash."""

    def do_GET(self) -> None:
        if self.path == "/crash":
            os._exit(3)
        self.send_response(HTTPStatus.OK)
        self.send_header("Leadstream-Process", str(os.getpid()))
        self.end_headers()
        self.wfile.write(str(os.getpid()).encode())


if __name__ == "__main__":
    if os.environ.get("TINY_SERVICE_FAILS"):
        sys.exit("the policy is missing")
    ThreadingHTTPServer((LOOPBACK, int(os.environ["LEADSTREAM_HTTP_PORT"])), Answer).serve_forever()
