"""A local web server for the karaoke page, with the headers that threads need."""

import errno
import functools
import http.server
from pathlib import Path
from typing import Any

from keras_munet.errors import MunetError

DEFAULT_PORT = 8765

ISOLATION = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
}
"""Browsers give threads (SharedArrayBuffer) only to pages served with these."""

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".wasm": "application/wasm",
    ".mp3": "audio/mpeg",
    ".tflite": "application/octet-stream",
}
"""Fixed here: what a system thinks of `.js` or `.wasm` is not to be trusted."""


class _Handler(http.server.SimpleHTTPRequestHandler):
    """Serves one folder; says nothing."""

    protocol_version = "HTTP/1.1"
    extensions_map = TYPES
    server: "PageServer"

    def end_headers(self) -> None:
        """Adds the isolation headers, and forbids stale copies."""
        if self.server.isolated:
            for name, value in ISOLATION.items():
                self.send_header(name, value)
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Keeps stderr for people."""

    def list_directory(self, path: Any) -> None:
        """Shows no listings."""
        self.send_error(404)


class PageServer(http.server.ThreadingHTTPServer):
    """Serves a page on this machine; a context manager.

    Args:
        folder: an exported page.
        host: address to listen on.
        port: 0 takes any free one; None takes `DEFAULT_PORT`, or any if it is taken.
        isolated: send COOP and COEP headers, so that the page may use threads.

    Raises:
        MunetError: when the port is taken or not allowed.
    """

    daemon_threads = True

    def __init__(
        self,
        folder: str | Path,
        *,
        host: str = "127.0.0.1",
        port: int | None = None,
        isolated: bool = True,
    ) -> None:
        self.isolated = isolated
        handler = functools.partial(_Handler, directory=str(folder))
        try:
            super().__init__((host, DEFAULT_PORT if port is None else port), handler)
        except OSError as error:
            if port is not None or error.errno != errno.EADDRINUSE:
                raise _refused(host, port, error) from error
            super().__init__((host, 0), handler)

    @property
    def url(self) -> str:
        """Address of the page."""
        host = str(self.server_address[0])
        name = "localhost" if host in ("127.0.0.1", "0.0.0.0") else host
        return f"http://{name}:{self.server_address[1]}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that closes a connection early is no news."""


def _refused(host: str, port: int | None, error: OSError) -> MunetError:
    place = f"{host}:{DEFAULT_PORT if port is None else port}"
    if error.errno == errno.EADDRINUSE:
        return MunetError(
            f"Port {port} is taken by another program. Choose another one with "
            "--port, or any free one with --port 0."
        )
    return MunetError(f"Cannot listen on {place}: {error.strerror or error}.")
